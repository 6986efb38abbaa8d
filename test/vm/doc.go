// Command vm tries what isolates and limits functions on kernels and in control groups that this machine does not have: it boots
// a kernel of the distribution in a virtual machine whose files are this machine's, lays out control groups there as systemd,
// desktops and containers do, and puts a platform through its promises in each.
//
// Invariants:
//   - the host's files are seen read-only; what is written stays in the guest's memory
//   - nothing is installed on the host, and what was started ends with the program
package main
