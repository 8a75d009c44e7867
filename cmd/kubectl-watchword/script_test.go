package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watchword-io/watchword/internal/authnconfig/validation"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kubectl-watchword": main, "xdg-open": openInBrowser})
}

// TestScripts runs testdata/script/*.txtar: what a person types, and what she then sees, without a cluster.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("KUBECONFIG", env.WorkDir+"/no-kubeconfig")
			env.Setenv("HOME", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"accepted": accepted},
	})
}

// accepted FILE: kube-apiserver would start with that file.
func accepted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: accepted FILE")
	}
	document, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(validation.Document(document))
}
