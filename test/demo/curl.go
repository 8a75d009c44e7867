package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// curlMode makes this program answer to curl's name on machines that lack it, for the few options that the story types.
const curlMode = "curl"

// curl understands -s, -u, -d, --data-urlencode, -w and a URL, and trusts CURL_CA_BUNDLE. It returns the exit status.
func curl(args []string, out, errs io.Writer) int {
	form, format, target := url.Values{}, "", ""
	var user *url.Userinfo
	for i := 0; i < len(args); i++ {
		argument := args[i]
		value := func() string { i++; return args[min(i, len(args)-1)] }
		switch argument {
		case "-s":
		case "-u":
			name, password, _ := strings.Cut(value(), ":")
			user = url.UserPassword(name, password)
		case "-d", "--data-urlencode":
			name, content, _ := strings.Cut(value(), "=")
			form.Add(name, content)
		case "-w":
			format = value()
		default:
			target = argument
		}
	}
	if err := fetch(target, user, form, format, out); err != nil {
		fmt.Fprintln(errs, "curl stand-in:", err)
		return 1
	}
	return 0
}

func fetch(target string, user *url.Userinfo, form url.Values, format string, out io.Writer) error {
	transport, err := trustingTransport()
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: transport}
	method, body := http.MethodGet, ""
	if len(form) > 0 {
		method, body = http.MethodPost, form.Encode()
	}
	request, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return err
	}
	if len(form) > 0 {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if user != nil {
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(out, response.Body); err != nil {
		return err
	}
	format = strings.NewReplacer(`\n`, "\n", "%{http_code}", fmt.Sprint(response.StatusCode)).Replace(format)
	_, err = io.WriteString(out, format)
	return err
}
