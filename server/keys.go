package server

import (
	"net/http"
	"sync"

	"anthill/api/protocol"
	"anthill/api/sigv4"
	"anthill/fault"
	"anthill/functions"
	"anthill/identity"
	"anthill/sandbox"
)

const (
	rootAccount = "000000000000"
	rootUser    = "anthill" // whose key is printed when signatures are verified
)

// roleCredentials gives functions what their role signs with: one session for each role while the platform lives.
func (h *house) roleCredentials() func(account, role string) (sandbox.Credentials, error) {
	var mu sync.Mutex
	issued := map[[2]string]sandbox.Credentials{}
	return func(account, role string) (sandbox.Credentials, error) {
		mu.Lock()
		defer mu.Unlock()
		if c, ok := issued[[2]string{account, role}]; ok {
			return c, nil
		}
		k, err := h.identity.Issue(account, role, "anthill-functions")
		if err != nil {
			return sandbox.Credentials{}, fault.In("server.roleCredentials", err)
		}
		c := sandbox.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret, SessionToken: k.Token}
		issued[[2]string{account, role}] = c
		return c, nil
	}
}

// verifier checks signatures against the keys of identity, and sees to it that there is one to begin with.
func (h *house) verifier() (func(*http.Request, []byte, protocol.Protocol) error, error) {
	const op = "server.verifier"
	if _, err := h.identity.Get(rootAccount, identity.User, rootUser); fault.Is(err, fault.NotFound) {
		if _, err := h.identity.Create(identity.Principal{Kind: identity.User, Account: rootAccount, Name: rootUser, Path: "/"}); err != nil {
			return nil, fault.In(op, err)
		}
	}
	if keys := h.identity.Keys(rootAccount, rootUser); len(keys) > 0 {
		h.rootKey = &keys[0]
	} else {
		k, err := h.identity.CreateKey(rootAccount, rootUser)
		if err != nil {
			return nil, fault.In(op, err)
		}
		h.rootKey = &k
	}
	v := sigv4.Verifier{Lookup: func(id string) (sigv4.Key, bool) {
		k, ok := h.identity.Key(id)
		return sigv4.Key{Secret: k.Secret, Token: k.Token, Expires: k.Expires}, ok && !k.Inactive
	}}
	return v.Verify, nil
}

// urlConfig says who may call function URLs that want a signature.
func (h *house) urlConfig() functions.URLConfig {
	c := functions.URLConfig{Caller: func(key string) (account, arn, id string) {
		account = h.api.AccountOf(key)
		arn, id = h.identity.Caller(account, key)
		return account, arn, id
	}}
	if h.verify != nil {
		c.Verify = func(r *http.Request, body []byte) error { return h.verify(r, body, protocol.REST) }
	}
	return c
}
