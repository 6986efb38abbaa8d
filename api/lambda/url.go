package lambda

import (
	"context"
	"strings"

	"anthill/api/protocol"
	"anthill/functions"
)

// urlOf is where a function URL answers: by host name, on the port that the caller used.
func urlOf(ctx context.Context, r functions.Ref, u functions.URL) string {
	c := protocol.CallOf(ctx)
	scheme, port := "http", ""
	if c.TLS {
		scheme = "https"
	}
	if i := strings.LastIndexByte(c.Host, ':'); i >= 0 && !strings.HasSuffix(c.Host, "]") {
		port = c.Host[i:]
	}
	return scheme + "://" + u.ID + ".lambda-url." + r.Region + ".localhost" + port + "/"
}

func corsOf(c *functions.CORS) *Cors {
	if c == nil {
		return nil
	}
	return &Cors{AllowCredentials: c.Credentials, AllowHeaders: c.AllowHeaders, AllowMethods: c.AllowMethods, AllowOrigins: c.AllowOrigins,
		ExposeHeaders: c.ExposeHeaders, MaxAge: c.MaxAge}
}

func corsSpecOf(c *Cors) *functions.CORS {
	if c == nil {
		return nil
	}
	return &functions.CORS{Credentials: c.AllowCredentials, AllowHeaders: c.AllowHeaders, AllowMethods: c.AllowMethods, AllowOrigins: c.AllowOrigins,
		ExposeHeaders: c.ExposeHeaders, MaxAge: c.MaxAge}
}

// urlConfigOf describes a URL as all calls but the one that makes it do.
func urlConfigOf(ctx context.Context, r functions.Ref, u functions.URL) *GetFunctionUrlConfigOutput {
	r.Qualifier = u.QualifierName
	out := &GetFunctionUrlConfigOutput{FunctionUrl: ptr(urlOf(ctx, r, u)), FunctionArn: ptr(r.ARN()), AuthType: &u.Auth, Cors: corsOf(u.CORS),
		CreationTime: ptr(zulu(u.Created)), LastModifiedTime: ptr(zulu(u.Modified)), InvokeMode: &u.InvokeMode}
	if u.InvokeMode == "" {
		out.InvokeMode = ptr("BUFFERED")
	}
	return out
}

func (d door) createURL(ctx context.Context, in *CreateFunctionUrlConfigInput) (*CreateFunctionUrlConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	u, err := d.f.CreateURL(r, functions.URL{Auth: *in.AuthType, InvokeMode: protocol.Value(in.InvokeMode), CORS: corsSpecOf(in.Cors)})
	if err != nil {
		return nil, errorOf(err)
	}
	c := urlConfigOf(ctx, r, u)
	return &CreateFunctionUrlConfigOutput{FunctionUrl: c.FunctionUrl, FunctionArn: c.FunctionArn, AuthType: c.AuthType, Cors: c.Cors,
		CreationTime: c.CreationTime, InvokeMode: in.InvokeMode}, nil
}

func (d door) updateURL(ctx context.Context, in *UpdateFunctionUrlConfigInput) (*UpdateFunctionUrlConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	u, err := d.f.UpdateURL(r, functions.URLUpdate{Auth: in.AuthType, InvokeMode: in.InvokeMode, CORS: corsSpecOf(in.Cors)})
	if err != nil {
		return nil, errorOf(err)
	}
	out := UpdateFunctionUrlConfigOutput(*urlConfigOf(ctx, r, u))
	return &out, nil
}

func (d door) getURL(ctx context.Context, in *GetFunctionUrlConfigInput) (*GetFunctionUrlConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	u, err := d.f.GetURL(r)
	if err != nil {
		return nil, errorOf(err)
	}
	return urlConfigOf(ctx, r, u), nil
}

func (d door) deleteURL(ctx context.Context, in *DeleteFunctionUrlConfigInput) (*DeleteFunctionUrlConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err == nil {
		err = d.f.DeleteURL(r)
	}
	return &DeleteFunctionUrlConfigOutput{}, errorOf(err)
}

func (d door) listURLs(ctx context.Context, in *ListFunctionUrlConfigsInput) (*ListFunctionUrlConfigsOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	all, err := d.f.URLs(r)
	if err != nil {
		return nil, errorOf(err)
	}
	part, next, err := page(all, in.Marker, in.MaxItems)
	out := &ListFunctionUrlConfigsOutput{NextMarker: next, FunctionUrlConfigs: make([]FunctionUrlConfig, len(part))}
	for i, u := range part {
		c := urlConfigOf(ctx, r, u)
		out.FunctionUrlConfigs[i] = FunctionUrlConfig{FunctionUrl: c.FunctionUrl, FunctionArn: c.FunctionArn, AuthType: c.AuthType, Cors: c.Cors,
			CreationTime: c.CreationTime, LastModifiedTime: c.LastModifiedTime, InvokeMode: c.InvokeMode}
	}
	return out, err
}
