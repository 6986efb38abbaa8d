package runtimes_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"anthill/fault"
	"anthill/sandbox/runtimes"
)

func TestSDKFindsWhatTheCodeNames(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string // the first part of a path is the directory: code or layer
		want  []string
	}{
		"nothing":       {map[string]string{"code/index.js": `const fs = require("fs")`}, nil},
		"require":       {map[string]string{"code/index.js": `const {S3} = require('@aws-sdk/client-s3');`}, []string{"@aws-sdk/client-s3"}},
		"import":        {map[string]string{"code/a.mjs": "import { S3 } from '@aws-sdk/client-s3';\nimport \"@aws-sdk/client-sfn\""}, []string{"@aws-sdk/client-s3", "@aws-sdk/client-sfn"}},
		"a late import": {map[string]string{"code/a.cjs": "const x = await import(`@aws-sdk/lib-dynamodb`)"}, []string{"@aws-sdk/lib-dynamodb"}},
		"minified":      {map[string]string{"code/x/a.js": `import{S3 as a}from"@aws-sdk/client-s3";var b=require("@smithy/node-http-handler")`}, []string{"@aws-sdk/client-s3", "@smithy/node-http-handler"}},
		"a part of one": {map[string]string{"code/a.js": `require("@aws-sdk/client-s3/dist-cjs/x")`}, []string{"@aws-sdk/client-s3"}},
		"brought":       {map[string]string{"code/a.js": `require("@aws-sdk/client-s3")`, "code/node_modules/@aws-sdk/client-s3/index.js": `require("@aws-sdk/core")`}, nil},
		"of a layer":    {map[string]string{"code/a.js": `require("@aws-sdk/client-s3")`, "layer/nodejs/node_modules/@aws-sdk/client-s3/index.js": ``}, nil},
		"by a library":  {map[string]string{"code/node_modules/powertools/index.js": `require("@aws-sdk/client-ssm")`}, []string{"@aws-sdk/client-ssm"}},
		"in words":      {map[string]string{"code/a.js": `// see @aws-sdk/client-s3`, "code/README.md": `import x from "@aws-sdk/client-s3"`}, nil},
		"no name":       {map[string]string{"code/a.js": `require("@aws-sdk/--prefix=/"); require("@aws-sdk/A B")`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for path, text := range c.files {
				path = filepath.Join(dir, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got := runtimes.SDK([]string{filepath.Join(dir, "code"), filepath.Join(dir, "layer")}); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestWithoutNPMItSaysSo(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("PATH", cache)
	i := runtimes.Interpreter{Language: "nodejs", Path: filepath.Join(cache, "node"), Version: "22.1.0"}
	_, err := runtimes.PrepareSDK(t.Context(), cache, i, []string{"@aws-sdk/client-s3"}, nil)
	if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "@aws-sdk/client-s3") || !strings.Contains(err.Error(), "npm") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(runtimes.SDKDir(cache, i, []string{"@aws-sdk/client-s3"})); err == nil {
		t.Error("something is there all the same")
	}
}
