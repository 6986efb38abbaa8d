// Package registry keeps repositories and their images, and serves them as an OCI registry.
//
// What an image is made of is documents in store; manifests, configurations and layers are bytes in blobs, once, however
// many repositories have them. Handler speaks the OCI Distribution Specification 1.1 with Docker, skopeo and their like;
// the ECR door has the same images under AWS's names.
//
// Invariants:
//   - what an answer acknowledged is flushed: a layer, a manifest, a tag, the bytes of an upload up to the offset told
//   - a manifest is taken only when its repository has every layer and every manifest that it names
//   - a layer stays while an image of its repository names it; one that none names goes after a day, or with its last image
//   - an image goes by itself only when its repository's lifecycle policy says so
//   - an upload that nobody goes on with for a day is removed with its bytes
package registry
