// Package history is the durable log of everything that happened.
//
// Events belong to streams: one per execution, function or bucket. Append on a durable stream returns once its events
// would survive a power cut; concurrent appends share flushes. Readers never wait for writers and writers never wait
// for readers; a slow follower only falls behind.
//
// One Append is one record in the database, under the stream's name and the position of its first event. A record is
// CRC-32C (4 bytes, big endian) of the key and the rest; the number of events; each event's length and bytes.
//
// Invariants:
//   - positions in a stream are dense and start at 1
//   - an event, once read, is never changed or lost
//   - what follows the first bad checksum was never acknowledged
package history
