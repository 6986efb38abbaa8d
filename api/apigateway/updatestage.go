package apigateway

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"anthill/gateways"
)

func (d door) updateStage(ctx context.Context, in *UpdateStageInput) (*Stage, error) {
	var out *gateways.Stage
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		st, err := a.Stage(*in.StageName)
		if err != nil {
			return err
		}
		out = st
		for _, p := range patchesOf(in.PatchOperations) {
			if err := patchStage(a, st, p); err != nil {
				return err
			}
		}
		st.Updated = time.Now()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return stageOf(out), nil
}

func patchStage(a *gateways.RestAPI, st *gateways.Stage, p patch) (err error) {
	if p.op == "copy" {
		return promote(st, p)
	}
	if len(p.parts) == 0 {
		return badPath(p)
	}
	switch {
	case p.parts[0] == "accessLogSettings":
		return patchAccessLog(st, p)
	case p.parts[0] == "canarySettings":
		return patchCanary(a, st, p)
	case len(p.parts) == 2 && p.parts[0] == "variables":
		st.Variables, err = patchMap(st.Variables, p.parts[1], p, p.value, nil)
		return err
	case len(p.parts) == 4:
		return patchSetting(st, p)
	case p.op == "remove" && len(p.parts) == 2: // the settings of one method
		key := strings.TrimPrefix(p.path, "/")
		if _, ok := st.Settings[key]; !ok {
			return noSetting(p)
		}
		delete(st.Settings, key)
		return nil
	}
	switch p.path {
	case "/description":
		st.Description = p.text()
	case "/deploymentId":
		if a.Deployments[p.value] == nil {
			return bad("Deployment id does not exist")
		}
		st.DeploymentID = p.value
	case "/tracingEnabled":
		st.TracingEnabled = p.truth()
	case "/documentationVersion":
		if v := p.text(); v != nil && a.DocumentationVersions[*v] == nil {
			return &NotFoundException{Message: "Invalid Documentation version specified"}
		}
		st.DocumentationVersion = p.text()
	case "/cacheClusterEnabled":
		if p.truth() {
			return unsupported("a cache cluster")
		}
	case "/cacheClusterSize":
		st.CacheClusterSize = p.text()
	case "/clientCertificateId":
		if p.text() != nil {
			return &NotFoundException{Message: "Invalid Client Certificate identifier specified"}
		}
	default:
		return bad("Invalid method setting path: " + p.path + ". Must be one of: [" + stagePaths + "]")
	}
	return nil
}

// stagePaths is AWS's list, with its own mistakes.
const stagePaths = "/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, /accessLogSettings, " +
	"/accessLogSettings/destinationArn, /accessLogSettings/format, /{resourcePath}/{httpMethod}/metrics/enabled, " +
	"/{resourcePath}/{httpMethod}/logging/dataTrace, /{resourcePath}/{httpMethod}/logging/loglevel, " +
	"/{resourcePath}/{httpMethod}/throttling/burstLimit/{resourcePath}/{httpMethod}/throttling/rateLimit" +
	"/{resourcePath}/{httpMethod}/caching/ttlInSeconds, /{resourcePath}/{httpMethod}/caching/enabled, " +
	"/{resourcePath}/{httpMethod}/caching/dataEncrypted, /{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, " +
	"/{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, /*/*/metrics/enabled, /*/*/logging/dataTrace, " +
	"/*/*/logging/loglevel, /*/*/throttling/burstLimit /*/*/throttling/rateLimit /*/*/caching/ttlInSeconds, /*/*/caching/enabled, " +
	"/*/*/caching/dataEncrypted, /*/*/caching/requireAuthorizationForCacheControl, /*/*/caching/unauthorizedCacheControlHeaderStrategy, " +
	"/variables/{variable_name}, /tracingEnabled"

func noSetting(p patch) error {
	return bad("Cannot remove method setting " + strings.TrimPrefix(p.path, "/") + " because there is no method setting for this method ")
}

func patchAccessLog(st *gateways.Stage, p patch) error {
	switch {
	case p.op == "remove" && p.path == "/accessLogSettings":
		st.AccessLog = nil
		return nil
	case p.op == "remove":
		return noSetting(p)
	case p.path != "/accessLogSettings/destinationArn" && p.path != "/accessLogSettings/format":
		return bad("Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, /accessLogSettings/format]")
	case p.value == "":
		return bad("Access Log value must not be empty")
	}
	if st.AccessLog == nil {
		st.AccessLog = &gateways.AccessLog{}
	}
	if p.parts[1] == "format" {
		st.AccessLog.Format = &p.value
	} else {
		st.AccessLog.Destination = &p.value
	}
	return nil
}

func patchCanary(a *gateways.RestAPI, st *gateways.Stage, p patch) (err error) {
	if p.op == "remove" && p.path == "/canarySettings" {
		st.Canary = nil
		return nil
	}
	if st.Canary == nil {
		st.Canary = &gateways.Canary{DeploymentID: st.DeploymentID}
	}
	c := st.Canary
	switch {
	case p.path == "/canarySettings/percentTraffic":
		f, err := strconv.ParseFloat(p.value, 64)
		if err != nil || f < 0 || f > 100 {
			return bad("Invalid canary percentTraffic specified. Must be between 0.0 and 100.0")
		}
		c.Percent = f
	case p.path == "/canarySettings/deploymentId":
		if a.Deployments[p.value] == nil {
			return bad("Deployment id does not exist")
		}
		c.DeploymentID = p.value
	case p.path == "/canarySettings/useStageCache":
		c.UsesStageCache = p.truth()
	case len(p.parts) == 3 && p.parts[1] == "stageVariableOverrides":
		c.Overrides, err = patchMap(c.Overrides, p.parts[2], p, p.value, nil)
		return err
	default:
		return badPath(p)
	}
	return nil
}

// promote copies what a canary shows to its stage.
func promote(st *gateways.Stage, p patch) error {
	if st.Canary == nil {
		return bad("Promotion not applicable when canary does not exist.")
	}
	switch p.from + " " + p.path {
	case "/canarySettings/deploymentId /deploymentId":
		st.DeploymentID = st.Canary.DeploymentID
	case "/canarySettings/stageVariableOverrides /variables":
		if st.Variables == nil {
			st.Variables = map[string]string{}
		}
		maps.Copy(st.Variables, st.Canary.Overrides)
	default:
		return badPath(p)
	}
	return nil
}

func patchSetting(st *gateways.Stage, p patch) error {
	raw := strings.Split(strings.TrimPrefix(p.path, "/"), "/")
	key, what := raw[0]+"/"+raw[1], raw[2]+"/"+raw[3]
	set, there := st.Settings[key]
	if p.op == "remove" {
		if !there {
			return noSetting(p)
		}
	}
	if !there {
		if set, there = st.Settings["*/*"]; !there { // what holds for all methods is where one begins
			set = gateways.NewMethodSetting()
		}
	}
	number := func() int32 { n, _ := strconv.ParseInt(p.value, 10, 32); return int32(n) }
	switch what {
	case "metrics/enabled":
		set.Metrics = p.truth()
	case "logging/dataTrace":
		set.DataTrace = p.truth()
	case "logging/loglevel":
		if p.value != "OFF" {
			return bad("CloudWatch Logs role ARN must be set in account settings to enable logging")
		}
		set.LoggingLevel = &p.value
	case "throttling/burstLimit":
		set.Burst = number()
	case "throttling/rateLimit":
		set.Rate, _ = strconv.ParseFloat(p.value, 64)
	case "caching/enabled":
		set.Caching = p.truth()
	case "caching/ttlInSeconds":
		set.CacheTTLSeconds = number()
	case "caching/dataEncrypted":
		set.CacheEncrypted = p.truth()
	case "caching/requireAuthorizationForCacheControl":
		set.RequireAuthorization = p.truth()
	case "caching/unauthorizedCacheControlHeaderStrategy":
		set.UnauthorizedCacheReply = p.value
	default:
		return bad("Invalid method setting path: " + p.path + ". Must be one of: [" + stagePaths + "]")
	}
	if st.Settings == nil {
		st.Settings = map[string]gateways.MethodSetting{}
	}
	st.Settings[key] = set
	return nil
}

func settingOf(s gateways.MethodSetting) MethodSetting {
	return MethodSetting{MetricsEnabled: &s.Metrics, LoggingLevel: s.LoggingLevel, DataTraceEnabled: &s.DataTrace, ThrottlingBurstLimit: &s.Burst,
		ThrottlingRateLimit: &s.Rate, CachingEnabled: &s.Caching, CacheTtlInSeconds: &s.CacheTTLSeconds, CacheDataEncrypted: &s.CacheEncrypted,
		RequireAuthorizationForCacheControl: &s.RequireAuthorization, UnauthorizedCacheControlHeaderStrategy: &s.UnauthorizedCacheReply}
}
