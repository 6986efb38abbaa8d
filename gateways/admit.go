package gateways

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"anthill/functions"
	"anthill/value"
)

// authorize asks what the method's authorization type asks.
func (p *Proxy) authorize(c *call) *refusal {
	switch c.method.AuthorizationType {
	case "AWS_IAM":
		if c.r.Context().Value(byRole{}) != nil {
			return nil
		}
		if !strings.HasPrefix(c.r.Header.Get("Authorization"), "AWS4-") && !c.r.URL.Query().Has("X-Amz-Signature") {
			return missingToken
		}
		if p.s.c.Verify != nil && p.s.c.Verify(c.r.Context(), c.r, c.body) != nil {
			return &refusal{http.StatusForbidden, "INVALID_SIGNATURE", "InvalidSignatureException",
				"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}
		}
	case "CUSTOM":
		return p.askAuthorizer(c)
	}
	return nil
}

// askAuthorizer runs a Lambda authorizer. AWS: "Use API Gateway Lambda authorizers". Its answers are not cached.
func (p *Proxy) askAuthorizer(c *call) *refusal {
	au := c.dep.Authorizers[*c.method.AuthorizerID]
	if au == nil || au.URI == nil {
		return badAuthorizer
	}
	ref, ok := functionOf(c.expand(strings.ReplaceAll(*au.URI, " ", "")), nil)
	if !ok {
		return badAuthorizer
	}
	arn := "arn:aws:execute-api:" + c.api.Region + ":" + c.api.Account + ":" + c.api.ID + "/" + c.stage.Name + "/" + c.r.Method + c.path
	var event []byte
	if au.Type == "TOKEN" {
		token, _ := c.requestValue(*au.Source)
		if token == "" || au.Validation != nil && !fits(*au.Validation, token) {
			return unauthorized
		}
		event, _ = json.Marshal(map[string]string{"type": "TOKEN", "methodArn": arn, "authorizationToken": token})
	} else {
		if au.Source != nil {
			for _, source := range strings.Split(*au.Source, ",") {
				if v, ok := c.requestValue(strings.TrimSpace(source)); source != "" && (!ok || v == "") {
					return unauthorized
				}
			}
		}
		event, _ = json.Marshal(requestAuthorization{Type: "REQUEST", MethodARN: arn, proxyEvent: eventOf(c)})
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), timeLimit)
	defer cancel()
	res, err := p.s.functions.Invoke(ctx, functions.Invocation{Ref: ref, Payload: event, TraceID: c.traceID})
	switch {
	case err != nil:
		return badAuthorizer
	case res.FunctionError != "":
		if jsonOf(res.Payload).Get("errorMessage").Text() == "Unauthorized" { // what AWS tells authorizers to raise
			return unauthorized
		}
		return noAuthorizer
	}
	return c.readPolicy(jsonOf(res.Payload), arn)
}

type requestAuthorization struct {
	Type      string `json:"type"`
	MethodARN string `json:"methodArn"`
	*proxyEvent
}

func fits(pattern, s string) bool {
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	return err == nil && re.MatchString(s)
}

// readPolicy holds the answer of an authorizer against the method's ARN: a Deny refuses, and so does no Allow.
func (c *call) readPolicy(v value.Value, arn string) *refusal {
	statements := v.Get("policyDocument").Get("Statement")
	if v.Get("principalId").Kind() != value.String || statements.IsAbsent() {
		return badAuthorizer
	}
	list := statements.Slice()
	if statements.Kind() == value.Object {
		list = []value.Value{statements}
	}
	allowed := false
	for _, st := range list {
		if !matches(st.Get("Action"), "execute-api:Invoke", true) || !matches(st.Get("Resource"), arn, false) {
			continue
		}
		if st.Get("Effect").Text() == "Deny" {
			f := *denied
			f.message += " with an explicit deny"
			return &f
		}
		allowed = allowed || st.Get("Effect").Text() == "Allow"
	}
	if !allowed {
		return denied
	}
	said := value.OfObject(value.Member{Key: "principalId", Value: v.Get("principalId")})
	for k, x := range v.Get("context").Members() {
		switch x.Kind() { // AWS gives them to the integration as texts
		case value.String:
			said = said.With(k, x)
		case value.Number, value.Bool:
			said = said.With(k, value.OfString(x.String()))
		default:
			return badAuthorizer
		}
	}
	c.authorized = &said
	return nil
}

// matches reports whether one of the patterns, a text or a list, fits s. '*' is any text and '?' any character.
func matches(patterns value.Value, s string, fold bool) bool {
	list := patterns.Slice()
	if patterns.Kind() == value.String {
		list = []value.Value{patterns}
	}
	return slices.ContainsFunc(list, func(p value.Value) bool {
		re := regexp.QuoteMeta(p.Text())
		re = strings.ReplaceAll(strings.ReplaceAll(re, `\*`, ".*"), `\?`, ".")
		if fold {
			re = "(?i)" + re
		}
		return fits(re, s)
	})
}

// checkKey wants a key of a usage plan where the method does.
func (p *Proxy) checkKey(c *call) *refusal {
	shown := c.r.Header.Get("X-Api-Key")
	if !c.method.APIKeyRequired {
		return nil
	}
	if c.api.APIKeySource == "AUTHORIZER" {
		return noKey // authorizers give no usageIdentifierKey here: refused when it is set
	}
	key, throttled, ok := p.s.opens(c, shown)
	if shown == "" || !ok {
		return noKey
	}
	c.apiKey = key
	if throttled {
		return throttledCall
	}
	return nil
}

// checkRequest is what the method's request validator checks.
func (p *Proxy) checkRequest(c *call) *refusal {
	if c.method.RequestValidatorID == nil {
		return nil
	}
	v := c.dep.Validators[*c.method.RequestValidatorID]
	if v == nil {
		return nil
	}
	if v.Parameters {
		var missing []string
		for p, required := range c.method.RequestParameters {
			if got, ok := c.requestValue(p); required && (!ok || got == "") {
				missing = append(missing, p[strings.LastIndexByte(p, '.')+1:])
			}
		}
		if len(missing) > 0 {
			slices.Sort(missing)
			return &refusal{http.StatusBadRequest, "BAD_REQUEST_PARAMETERS", "BadRequestException", "Missing required request parameters: [" + strings.Join(missing, ", ") + "]"}
		}
	}
	if !v.Body || len(c.method.RequestModels) == 0 {
		return nil
	}
	contentType, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";")
	if contentType == "" {
		contentType = "application/json"
	}
	name, ok := c.method.RequestModels[strings.TrimSpace(contentType)]
	if !ok {
		if name, ok = c.method.RequestModels["$default"]; !ok {
			return nil
		}
	}
	if m := c.dep.Models[name]; m != nil && !validBody(m, c.dep.Models, c.body) {
		return badBody
	}
	return nil
}
