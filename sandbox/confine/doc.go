// Package confine takes from a process what a function has no business with, before the function's code runs.
//
// A filter of system calls goes on every runtime: what container engines refuse, too. Where a machine gives no namespaces,
// Landlock closes the files and the signals that they would have hidden. Neither needs a privilege.
//
// Invariants:
//   - nothing here can be taken back by the process or its children
//   - a rule that the kernel does not know is left out, and Have says so
package confine
