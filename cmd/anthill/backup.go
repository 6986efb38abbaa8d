package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"anthill/server"
)

func backupCommand() *cobra.Command {
	var endpoint, data string
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy a platform's data into the new directory DIR while it runs (or, with --data, while it does not)",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			if data != "" {
				err = server.Backup(data, dir)
			} else {
				err = askForBackup(endpoint, dir)
			}
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "backed up to %s; `anthill restore %s --data NEW_DIR` makes a data directory of it\n", dir, args[0])
			}
			return err
		},
	}
	cmd.Flags().StringVar(&endpoint, "endpoint", "http://localhost:4566", "the running platform, on this machine")
	cmd.Flags().StringVar(&data, "data", "", "instead: the data directory of a platform that is not running")
	return cmd
}

// askForBackup lets the running platform write the backup.
func askForBackup(endpoint, dir string) error {
	body, err := json.Marshal(map[string]string{"directory": dir})
	if err != nil {
		return err
	}
	res, err := http.Post(strings.TrimSuffix(endpoint, "/")+"/_anthill/backup", "application/json", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("no platform answers at %s (%w); say where it is with --endpoint, or name its data directory with --data when it is stopped", endpoint, err)
	}
	defer res.Body.Close()
	var out struct {
		Message string `json:"message"`
	}
	if res.StatusCode != http.StatusOK {
		_ = json.NewDecoder(res.Body).Decode(&out)
		if out.Message == "" {
			out.Message = res.Status
		}
		return errors.New(out.Message)
	}
	return nil
}

func restoreCommand() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "restore DIR",
		Short: "Make a data directory of the backup DIR; it is checked first",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := server.Restore(args[0], data); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "restored; start with `anthill up --data %s`\n", data)
			return nil
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "the data directory to make; it must hold nothing")
	_ = cmd.MarkFlagRequired("data")
	return cmd
}
