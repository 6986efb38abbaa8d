package events

import (
	"context"
	"strings"

	"anthill/api/protocol"
	"anthill/arn"
	"anthill/connections"
	"anthill/fault"
)

// New gives the operations that are built.
func New(s *connections.Service) Operations {
	d := door{s}
	return Operations{CreateConnection: d.create, UpdateConnection: d.update, DescribeConnection: d.describe, DeleteConnection: d.remove, ListConnections: d.list}
}

type door struct{ s *connections.Service }

// errorOf is the AWS error of a fault.
func errorOf(err error) error {
	f := fault.Of(err)
	switch {
	case err == nil:
		return nil
	case f.Kind == fault.NotFound:
		return &ResourceNotFoundException{Message: f.Detail}
	case f.Kind == fault.Exists:
		return &ResourceAlreadyExistsException{Message: f.Detail}
	}
	return err
}

func refuse(message string) error { return protocol.Fail("ValidationException", message) }

func (d door) create(ctx context.Context, in *CreateConnectionInput) (*CreateConnectionOutput, error) {
	call := protocol.CallOf(ctx)
	p := in.AuthParameters
	if in.InvocationConnectivityParameters != nil || p.ConnectivityParameters != nil || in.KmsKeyIdentifier != nil {
		return nil, refuse("Private connections and KMS keys are not supported by this platform.")
	}
	c := connections.Connection{Name: *in.Name, Description: protocol.Value(in.Description), Account: call.Account, Region: call.Region,
		Auth: connections.Auth{Kind: *in.AuthorizationType}}
	if b := p.BasicAuthParameters; b != nil {
		c.Auth.User, c.Auth.Password = protocol.Value(b.Username), protocol.Value(b.Password)
	}
	if k := p.ApiKeyAuthParameters; k != nil {
		c.Auth.Key, c.Auth.Value = protocol.Value(k.ApiKeyName), protocol.Value(k.ApiKeyValue)
	}
	c.Auth.Headers, c.Auth.Query, c.Auth.Body = parameters(p.InvocationHttpParameters)
	if err := complete(&c.Auth, p.OAuthParameters != nil); err != nil {
		return nil, err
	}
	made, err := d.s.Create(c)
	if err != nil {
		return nil, errorOf(err)
	}
	return &CreateConnectionOutput{ConnectionArn: &made.ARN, ConnectionState: state(), CreationTime: &made.Created, LastModifiedTime: &made.Modified}, nil
}

// complete refuses an authorization without its parameters.
func complete(a *connections.Auth, oauth bool) error {
	switch {
	case oauth || a.Kind == "OAUTH_CLIENT_CREDENTIALS":
		return refuse("Connections of AuthorizationType OAUTH_CLIENT_CREDENTIALS are not supported by this platform: use BASIC or API_KEY.")
	case a.Kind == connections.Basic && a.User == "":
		return refuse("Parameter BasicAuthParameters is required for AuthorizationType BASIC.")
	case a.Kind == connections.APIKey && a.Key == "":
		return refuse("Parameter ApiKeyAuthParameters is required for AuthorizationType API_KEY.")
	}
	return nil
}

func (d door) update(ctx context.Context, in *UpdateConnectionInput) (*UpdateConnectionOutput, error) {
	call := protocol.CallOf(ctx)
	if in.InvocationConnectivityParameters != nil || in.KmsKeyIdentifier != nil {
		return nil, refuse("Private connections and KMS keys are not supported by this platform.")
	}
	old, err := d.s.Get(call.Account, call.Region, *in.Name)
	if err != nil {
		return nil, errorOf(err)
	}
	next := *old
	if in.Description != nil {
		next.Description = *in.Description
	}
	if in.AuthorizationType != nil {
		next.Auth.Kind = *in.AuthorizationType
	}
	oauth := false
	if p := in.AuthParameters; p != nil {
		oauth = p.OAuthParameters != nil
		if b := p.BasicAuthParameters; b != nil {
			replace(&next.Auth.User, b.Username)
			replace(&next.Auth.Password, b.Password)
		}
		if k := p.ApiKeyAuthParameters; k != nil {
			replace(&next.Auth.Key, k.ApiKeyName)
			replace(&next.Auth.Value, k.ApiKeyValue)
		}
		if p.InvocationHttpParameters != nil {
			next.Auth.Headers, next.Auth.Query, next.Auth.Body = parameters(p.InvocationHttpParameters)
		}
	}
	if err := complete(&next.Auth, oauth); err != nil {
		return nil, err
	}
	c, err := d.s.Update(call.Account, call.Region, *in.Name, func(c *connections.Connection) { c.Description, c.Auth = next.Description, next.Auth })
	if err != nil {
		return nil, errorOf(err)
	}
	return &UpdateConnectionOutput{ConnectionArn: &c.ARN, ConnectionState: state(), CreationTime: &c.Created, LastModifiedTime: &c.Modified, LastAuthorizedTime: &c.Modified}, nil
}

func replace(at *string, by *string) {
	if by != nil {
		*at = *by
	}
}

func (d door) describe(ctx context.Context, in *DescribeConnectionInput) (*DescribeConnectionOutput, error) {
	call := protocol.CallOf(ctx)
	c, err := d.s.Get(call.Account, call.Region, *in.Name)
	if err != nil {
		return nil, errorOf(err)
	}
	out := &DescribeConnectionOutput{ConnectionArn: &c.ARN, Name: &c.Name, ConnectionState: state(), AuthorizationType: &c.Auth.Kind, SecretArn: new(secretOf(c)),
		AuthParameters: &ConnectionAuthResponseParameters{InvocationHttpParameters: shown(&c.Auth)}, CreationTime: &c.Created, LastModifiedTime: &c.Modified, LastAuthorizedTime: &c.Modified}
	if c.Description != "" {
		out.Description = &c.Description
	}
	if c.Auth.Kind == connections.Basic {
		out.AuthParameters.BasicAuthParameters = &ConnectionBasicAuthResponseParameters{Username: &c.Auth.User}
	} else {
		out.AuthParameters.ApiKeyAuthParameters = &ConnectionApiKeyAuthResponseParameters{ApiKeyName: &c.Auth.Key}
	}
	return out, nil
}

func (d door) remove(ctx context.Context, in *DeleteConnectionInput) (*DeleteConnectionOutput, error) {
	call := protocol.CallOf(ctx)
	c, err := d.s.Delete(call.Account, call.Region, *in.Name)
	if err != nil {
		return nil, errorOf(err)
	}
	return &DeleteConnectionOutput{ConnectionArn: &c.ARN, ConnectionState: new("DELETING"), CreationTime: &c.Created, LastModifiedTime: &c.Modified, LastAuthorizedTime: &c.Modified}, nil
}

func (d door) list(ctx context.Context, in *ListConnectionsInput) (*ListConnectionsOutput, error) {
	call := protocol.CallOf(ctx)
	all, err := d.s.List(call.Account, call.Region, protocol.Value(in.NamePrefix))
	if err != nil {
		return nil, errorOf(err)
	}
	out := &ListConnectionsOutput{Connections: []Connection{}}
	limit, after := 100, protocol.Value(in.NextToken)
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	for _, c := range all {
		if c.Name <= after || in.ConnectionState != nil && *in.ConnectionState != *state() {
			continue
		}
		if len(out.Connections) == limit {
			out.NextToken = out.Connections[limit-1].Name
			break
		}
		out.Connections = append(out.Connections, Connection{ConnectionArn: &c.ARN, Name: &c.Name, ConnectionState: state(), AuthorizationType: &c.Auth.Kind,
			CreationTime: &c.Created, LastModifiedTime: &c.Modified, LastAuthorizedTime: &c.Modified})
	}
	return out, nil
}

// state is that of every connection: there is nobody to ask.
func state() *string { return new("AUTHORIZED") }

// secretOf is the ARN that the secret of a connection would have in Secrets Manager.
func secretOf(c *connections.Connection) string {
	_, id, _ := strings.Cut(c.ARN, "connection/"+c.Name+"/")
	return arn.New("secretsmanager", c.Region, c.Account, "secret:events!connection/"+c.Name+"/"+id).String()
}

func parameters(p *ConnectionHttpParameters) (headers, query, body []connections.Parameter) {
	if p == nil {
		return nil, nil, nil
	}
	for _, h := range p.HeaderParameters {
		headers = append(headers, connections.Parameter{Key: protocol.Value(h.Key), Value: protocol.Value(h.Value), Secret: protocol.Value(h.IsValueSecret)})
	}
	for _, q := range p.QueryStringParameters {
		query = append(query, connections.Parameter{Key: protocol.Value(q.Key), Value: protocol.Value(q.Value), Secret: protocol.Value(q.IsValueSecret)})
	}
	for _, b := range p.BodyParameters {
		body = append(body, connections.Parameter{Key: protocol.Value(b.Key), Value: protocol.Value(b.Value), Secret: protocol.Value(b.IsValueSecret)})
	}
	return headers, query, body
}

// shown is what a connection adds, without secrets; nil for nothing.
func shown(a *connections.Auth) *ConnectionHttpParameters {
	if len(a.Headers)+len(a.Query)+len(a.Body) == 0 {
		return nil
	}
	text := func(p *connections.Parameter) *string {
		if p.Secret {
			return nil
		}
		return &p.Value
	}
	out := &ConnectionHttpParameters{}
	for i := range a.Headers {
		p := &a.Headers[i]
		out.HeaderParameters = append(out.HeaderParameters, ConnectionHeaderParameter{Key: &p.Key, Value: text(p), IsValueSecret: &p.Secret})
	}
	for i := range a.Query {
		p := &a.Query[i]
		out.QueryStringParameters = append(out.QueryStringParameters, ConnectionQueryStringParameter{Key: &p.Key, Value: text(p), IsValueSecret: &p.Secret})
	}
	for i := range a.Body {
		p := &a.Body[i]
		out.BodyParameters = append(out.BodyParameters, ConnectionBodyParameter{Key: &p.Key, Value: text(p), IsValueSecret: &p.Secret})
	}
	return out
}
