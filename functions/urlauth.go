package functions

import (
	"net/http"
	"strings"
)

// URLConfig says who may call function URLs with AuthType AWS_IAM. The zero value lets everybody who signs, with whatever key.
type URLConfig struct {
	// Verify checks the signature of a request. Nil takes any signature for good.
	Verify func(r *http.Request, body []byte) error
	// Caller says whom an access key speaks for. Nil says the account of the function.
	Caller func(accessKey string) (account, arn, id string)
}

// urlIAM tells the function who signed (Lambda developer guide, "Invoking Lambda function URLs", "Request payload format").
type urlIAM struct {
	AccessKey       string  `json:"accessKey"`
	AccountID       string  `json:"accountId"`
	CallerID        string  `json:"callerId"`
	CognitoIdentity *string `json:"cognitoIdentity"`
	PrincipalOrgID  *string `json:"principalOrgId"`
	UserARN         string  `json:"userArn"`
	UserID          string  `json:"userId"`
}

type urlAuthorizer struct {
	IAM urlIAM `json:"iam"`
}

// signingKey is the access key that r is signed with, in a header or in its query; "" when it is not.
func signingKey(r *http.Request) string {
	scope := ""
	if rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-"); ok {
		_, scope, _ = strings.Cut(rest, "Credential=")
	} else if q := r.URL.Query(); q.Has("X-Amz-Signature") {
		scope = q.Get("X-Amz-Credential")
	}
	key, _, ok := strings.Cut(scope, "/")
	if !ok {
		return ""
	}
	return key
}

// signedBy says who r's key speaks for.
func (p *URLProxy) signedBy(owner, key string) *urlAuthorizer {
	account, arn, id := owner, "arn:aws:iam::"+owner+":root", owner
	if p.c.Caller != nil {
		account, arn, id = p.c.Caller(key)
	}
	return &urlAuthorizer{urlIAM{AccessKey: key, AccountID: account, CallerID: id, UserARN: arn, UserID: id}}
}

// forbid answers who may not call.
func forbid(w http.ResponseWriter) {
	w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
	answerText(w, http.StatusForbidden, "application/json", `{"Message":"Forbidden"}`)
}

const badSignature = `{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}`

// forbidSigned answers whose signature is wrong.
func forbidSigned(w http.ResponseWriter) {
	w.Header().Set("X-Amzn-Errortype", "InvalidSignatureException")
	answerText(w, http.StatusForbidden, "application/json", badSignature)
}
