// Package disk is the one database and the filesystem under the durable rooms.
//
// There is one Pebble database, opened once. store and history are keyspaces of it, so that one batch can commit a
// definition and an event together. A memory filesystem that can crash stands in for the machine in tests.
//
// Invariants:
//   - Commit returns nil only when its writes would survive a power cut (in relaxed durability: would within the interval)
//   - after the first failed write or flush nothing is acknowledged until the directory is opened anew: a kernel that
//     lost a page once reports it once
//   - a directory is open in one process at a time, and its format is never newer than FormatVersion
package disk
