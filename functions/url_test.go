package functions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"anthill/functions"
	"anthill/sandbox/sandboxtest"
)

// A URL with AuthType AWS_IAM runs its function for whom the signature's check lets in only, and tells it who that is.
func TestSignedURLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.h": func(_ context.Context, event []byte) ([]byte, error) {
			var e struct {
				Context struct {
					AccountID  string
					Authorizer struct {
						IAM struct{ AccessKey, AccountID, UserARN string }
					}
				} `json:"requestContext"`
			}
			if err := json.Unmarshal(event, &e); err != nil {
				return nil, err
			}
			return json.Marshal(fmt.Sprint(e.Context))
		}})
		h.function("hello", "app.h")
		u, err := h.CreateURL(ref("hello", ""), functions.URL{Auth: "AWS_IAM"})
		if err != nil {
			t.Fatal(err)
		}
		urls := functions.NewURLProxy(h.Service, functions.URLConfig{
			Verify: func(r *http.Request, body []byte) error {
				if string(body) != "signed" {
					return errors.New("no")
				}
				return nil
			},
			Caller: func(key string) (account, arn, id string) {
				return "111111111111", "arn:aws:iam::111111111111:user/" + key, "AIDA"
			}})
		const header = "AWS4-HMAC-SHA256 Credential=AKIA/20000101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"
		for _, c := range []struct {
			query, header, body string
			status              int
			want                string
		}{
			{"", header, "signed", 200, "{111111111111 {{AKIA 111111111111 arn:aws:iam::111111111111:user/AKIA}}}"},
			{"?X-Amz-Signature=0&X-Amz-Credential=ASIA%2F20000101%2Fus-east-1%2Flambda%2Faws4_request", "", "signed", 200, "{111111111111 {{ASIA 111111111111 arn:aws:iam::111111111111:user/ASIA}}}"},
			{"", header, "changed", 403, "The request signature we calculated does not match"},
			{"", "", "signed", 403, `{"Message":"Forbidden"}`},
			{"", "Bearer x", "signed", 403, `{"Message":"Forbidden"}`},
		} {
			r := httptest.NewRequest("POST", functions.URLPath+u.ID+"/"+c.query, strings.NewReader(c.body))
			r.Header.Set("Authorization", c.header)
			w := httptest.NewRecorder()
			urls.ServeHTTP(w, r)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%+v: %d %s", c, w.Code, w.Body)
			}
		}
	})
}
