// Package template holds payload templates (Parameters, ItemSelector, ResultSelector, Assign): JSON in which a field whose
// name ends in ".$" gets its value from a path or an intrinsic function.
//
// Invariants:
//   - a template is compiled once; a part without ".$" is passed on as it was written, unopened
//   - evaluation keeps the order of the fields
package template
