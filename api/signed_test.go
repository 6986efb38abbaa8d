package api_test

import (
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"anthill/api"
	"anthill/api/sigv4"
)

// Real signatures, by boto3's own signer, against the verifier.
func TestSignatures(t *testing.T) {
	py := python(t)
	keys := map[string]sigv4.Key{
		"AKIAGOOD": {Secret: "se/cr+et"},
		"ASIATEMP": {Secret: "temporary", Token: "tok/en=="},
		"ASIAOLD":  {Secret: "temporary", Token: "tok/en==", Expires: time.Unix(1, 0)},
	}
	v := &sigv4.Verifier{Lookup: func(id string) (sigv4.Key, bool) { k, ok := keys[id]; return k, ok }}
	server := httptest.NewServer(api.New(api.Config{Services: services(built), Verify: v.Verify}))
	defer server.Close()
	out, err := exec.Command(py, "testdata/signed.py", server.URL).CombinedOutput()
	want := `json 200
rest 200
rest body 200
rest query 200
query 200
token 200
wrong token 403 InvalidClientTokenId
expired token 403 ExpiredTokenException
wrong secret stepfunctions 400 InvalidSignatureException
unknown key stepfunctions 400 UnrecognizedClientException
wrong secret lambda 403 InvalidSignatureException
unknown key lambda 403 UnrecognizedClientException
wrong secret iam 403 SignatureDoesNotMatch
unknown key iam 403 InvalidClientTokenId
presigned 200
presigned and changed 403 None
presigned, not for long 403 None
presigned rest 200
presigned other body 403 InvalidSignatureException
unsigned rest 403 MissingAuthenticationTokenException
`
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s", err, out)
	}
}
