package install_test

import (
	"context"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// There is no container engine in the tests: the Dockerfile's own build command is run, and its other lines are read.
var _ = Describe("The image", func() {
	var dockerfile string
	BeforeEach(func() {
		content, err := os.ReadFile(filepath.Join(config("."), "..", "Dockerfile"))
		Expect(err).NotTo(HaveOccurred())
		dockerfile = string(content)
	})

	It("is one static binary that knows the flags of the Deployment", func(ctx context.Context) {
		binary := filepath.Join(GinkgoT().TempDir(), "watchword")
		command := regexp.MustCompile(`(?s)\nRUN (CGO_ENABLED=0 .*?)\n\n`).FindStringSubmatch(dockerfile)
		Expect(command).To(HaveLen(2), "the Dockerfile builds without CGO_ENABLED=0")
		build := exec.CommandContext(ctx, "sh", "-c", strings.ReplaceAll(command[1], "/out/watchword", binary))
		build.Dir = filepath.Join(config("."), "..")
		build.Env = append(os.Environ(), "TARGETOS=linux", "TARGETARCH=amd64", "VERSION=v0.0.0-test")
		output, err := build.CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(output))

		file, err := elf.Open(binary)
		Expect(err).NotTo(HaveOccurred())
		defer file.Close()
		Expect(file.Section(".interp")).To(BeNil(), "the binary asks for a dynamic linker")
		Expect(file.ImportedLibraries()).To(BeEmpty())

		help, _ := exec.CommandContext(ctx, binary, "--help").CombinedOutput()
		for _, argument := range deployment(ctx, "watchword").Spec.Template.Spec.Containers[0].Args {
			flag, _, _ := strings.Cut(strings.TrimLeft(argument, "-"), "=")
			Expect(string(help)).To(MatchRegexp(`(?m)^\s+--?`+flag+`\b`), "watchword --help")
		}
	}, NodeTimeout(10*time.Minute))

	It("runs as nobody, by number, on images that can be pinned", func() {
		Expect(dockerfile).To(MatchRegexp(`(?m)^USER [1-9][0-9]*:[1-9][0-9]*$`))
		for _, from := range regexp.MustCompile(`(?m)^FROM .*$`).FindAllString(dockerfile, -1) {
			Expect(from).To(ContainSubstring("${"), "an image that no build argument can pin")
		}
		Expect(dockerfile).NotTo(MatchRegexp(`(?m)^(ADD|COPY) .*(\.git|bin|secret|\.env)\b`))
	})
})
