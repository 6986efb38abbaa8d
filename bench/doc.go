// Package bench measures Anthill's figures on this machine, each beside the floor or the peer that the same run measured.
//
// A platform of its own runs as a process of its own, as its users run it, on a data directory beside the floors' files.
// The functions are real ones in Python; the instants of their handlers are read by themselves, so that no figure about a
// hop rests on the platform's word alone. Figures are run in turn, round after round, so that the machine's noise meets
// all of them, and are printed with their spread.
//
// Invariants:
//   - a floor is measured in the round of its figure, never carried over
//   - the median and the spread are of whole rounds; what a round left out is said in its note
//   - a figure that could not be measured says why, and is never guessed
package bench
