// Package disk is the one database and the filesystem under the durable rooms.
//
// There is one Pebble database, opened once. store and history are keyspaces of it, so that one batch can commit a
// definition and an event together. A memory filesystem that can crash stands in for the machine in tests.
package disk
