// Package disk is the one database and the filesystem under the durable rooms.
//
// There is one Pebble database, opened once. store and history are keyspaces of it, so that one batch can commit a
// definition and an event together. A memory filesystem that can crash stands in for the machine in tests, and Faulty for
// a disk that fails.
//
// Callers do not stand in Pebble: a goroutine makes all commits that wait as one batch. The log is written ahead of its
// end, so that a flush changes no file's size (docs/performance.md).
//
// Invariants:
//   - Commit returns nil only when its writes would survive a power cut (in relaxed durability: would within the interval)
//   - after the first failed write or flush nothing is acknowledged until the directory is opened anew: a kernel that
//     lost a page once reports it once. Every commit under way is answered then, whatever Pebble does, and nothing more
//     reaches the directory
//   - Close ends everything that Open began, of a database that failed, too
//   - a directory is open in one process at a time, and its format is never newer than FormatVersion
package disk
