// Package logs keeps log groups, their streams and their events.
//
// Function output arrives here through Write, which never waits for a disk. Events that clients put are stored before
// they are answered.
package logs
