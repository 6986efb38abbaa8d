package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	from := flag.String("import", "", "botocore's data `directory` to take the models from")
	outputs := flag.String("outputs", "", "botocore's data `directory` to write api/sfn/outputs.zip from, and nothing else")
	remote := flag.String("remote", "", "botocore's data `directory` to write api/remote/models.zip from, and nothing else")
	root := flag.String("root", ".", "root `directory` of the module")
	flag.Parse()
	var err error
	switch {
	case *outputs != "":
		err = writeOutputs(*outputs, filepath.Join(*root, "api", "sfn", "outputs.zip"))
	case *remote != "":
		err = writeRemote(*remote, filepath.Join(*root, "api", "remote", "models.zip"))
	default:
		err = run(*root, *from)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "awsgen:", err)
		os.Exit(1)
	}
}

func run(root, from string) error {
	models := filepath.Join(root, "internal", "awsgen", "models")
	if from != "" {
		for _, s := range services() {
			if err := importModel(filepath.Join(from, s.Source, "service-2.json.gz"), filepath.Join(models, s.Package+".json")); err != nil {
				return err
			}
		}
	}
	for _, s := range services() {
		text, err := generate(s.Package, filepath.Join(models, s.Package+".json"))
		if err != nil {
			return fmt.Errorf("%s: %w", s.Package, err)
		}
		if err := os.WriteFile(filepath.Join(root, "api", s.Package, "wire_gen.go"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
