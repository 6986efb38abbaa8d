// Package runtimeapi is the Lambda Runtime API as function processes call it: next, response, error, init/error.
//
// An Adapter is the first process of an environment whose runtime speaks that API (provided.*, Node, Go binaries). It
// starts the runtime, serves the API to it over HTTP on the loopback, and speaks the same frames with the platform as the
// Python bootstrap does. So what holds for Python holds for every runtime: the platform may die, the outcome is kept.
//
// Invariants:
//   - an invocation is given to the runtime once, and never to a connection that has been closed
//   - what is served by hand net/http would have understood in the same way; everything else goes to it
//   - the first answer to an invocation counts; later ones are refused as AWS does
//   - when the runtime ends the adapter ends, with the same status, and with it the environment
package runtimeapi
