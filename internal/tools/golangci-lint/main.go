// Command golangci-lint is golangci-lint with kube-api-linter compiled in. The official way, `golangci-lint custom`,
// clones a repository at build time; this main package needs the Go module proxy only.
package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"
	_ "sigs.k8s.io/kube-api-linter" // registers itself
)

func main() {
	if err := commands.Execute(commands.BuildInfo{Version: "v2 with kube-api-linter", GoVersion: runtime.Version()}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitcodes.Failure)
	}
}
