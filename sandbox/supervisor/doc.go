// Package supervisor keeps execution environments alive while the platform is away.
//
// The supervisor is the same binary, executed again in a session of its own. It is off the data path: it makes a socket
// pair for every environment, gives one end to it and the other to the platform, and never sees what they say. When the
// platform dies the environments go on; the next platform connects, and each environment is passed a fresh socket.
//
// The platform and the supervisor speak over a Unix sequential-packet socket, control.sock in their directory: one JSON
// message a packet, with descriptors beside it. Every request has a number and gets one reply with that number; the
// supervisor also sends an exit message for each runtime that ends by itself.
//
// Invariants:
//   - one supervisor a directory, and one platform at a time: a new connection replaces the old one
//   - a stopped environment has no process left when the reply is sent
//   - five minutes without a platform end everything, and so does the supervisor's own end
//   - a thread that has entered another root does nothing else and ends
//   - an environment that runs past its deadline while no platform is there is ended by the supervisor
package supervisor
