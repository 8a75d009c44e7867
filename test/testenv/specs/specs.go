// Package specs runs a Ginkgo suite under plain `go test` and names the specs it skipped, which Ginkgo only counts.
// Package summary reads those lines. It is apart from testenv because importing Ginkgo adds flags to a program.
package specs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"
)

// SkippedPrefix begins the line of a skipped or pending spec; its full text follows, and the reason in parentheses.
const SkippedPrefix = "spec skipped: "

// Run runs the suite of the calling test package: the only statement of its TestXxx function.
func Run(t *testing.T, description string) {
	t.Helper()
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.ReportAfterSuite("name what was skipped", func(report ginkgo.Report) {
		for _, spec := range report.SpecReports.WithState(types.SpecStateSkipped | types.SpecStatePending) {
			if spec.LeafNodeType == types.NodeTypeIt {
				fmt.Printf("\n%s%s (%s)\n", SkippedPrefix, oneLine(spec.FullText()), reason(spec))
			}
		}
	})
	ginkgo.RunSpecs(t, description)
}

func reason(spec types.SpecReport) string {
	switch {
	case spec.State == types.SpecStatePending:
		return "pending"
	case spec.Failure.Message != "":
		return oneLine(spec.Failure.Message)
	default:
		return "not selected"
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
