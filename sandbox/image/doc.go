// Package image turns the layers of container images into root filesystems.
//
// Each layer is unpacked once, under the digest of what it unpacks to, and each chain of layers is put together once, with
// hard links: images that share a base share its files. Environments see a root read-only; nothing here is changed after
// it has its name.
//
// What comes in a layer is not trusted: names stay below the directory that is unpacked into, through links too, device
// files are refused, and no more is written than a Lambda image may have.
//
// Invariants:
//   - a root, or a layer, is complete, flushed, and of the digest that it is named after, or not there
//   - unpacking writes nothing outside its own directory
package image
