package api_test

import "maps"

func clientApplications() table {
	const redirect, logout = "spec.redirectURIs[0] in body should match", "spec.postLogoutRedirectURIs[0] in body should match"
	const segment = "redirectURIs must not contain . or .. as a path segment, nor code, state or iss in the query"
	const code = `grantTypes: [authorization_code]`
	uri := func(u string) string { return `{` + code + `, redirectURIs: ["` + u + `"]}` }
	cases := map[string]change{
		"a pipeline": {},

		// type and grants
		"type missing":              {spec: `type: null`, refused: "spec.type: Required value"},
		"type unknown":              {spec: `type: Secret`, refused: "Unsupported value: \"Secret\""},
		"type changes":              {spec: `grantTypes: [password]`, update: `type: Public`, refused: "type is immutable"},
		"grants missing":            {spec: `grantTypes: null`, refused: "spec.grantTypes: Required value"},
		"no grants":                 {spec: `grantTypes: []`, refused: "should have at least 1 items"},
		"grant unknown":             {spec: `grantTypes: [implicit]`, refused: "Unsupported value: \"implicit\""},
		"grant twice":               {spec: `grantTypes: [password, password]`, refused: "Duplicate value"},
		"grants change":             {update: `grantTypes: [client_credentials, password]`},
		"public with a device code": {spec: `{type: Public, grantTypes: ["urn:ietf:params:oauth:grant-type:device_code", refresh_token]}`},
		"public with credentials": {
			spec: `type: Public`, refused: "a Public client has no secret and cannot use client_credentials",
		},
		"public with a secret": {
			spec: `{type: Public, grantTypes: [password], secret: {}}`, refused: "a Public client has no secret; remove secret",
		},
		"public that gains credentials": {
			spec: `{type: Public, grantTypes: [password]}`, update: `grantTypes: [client_credentials]`,
			refused: "a Public client has no secret and cannot use client_credentials",
		},

		// clientID
		"clientID":                {spec: `clientID: CI_pipeline-1.0`},
		"clientID with a colon":   {spec: `clientID: "application:x"`, refused: "spec.clientID in body should match"},
		"clientID with a space":   {spec: `clientID: "a b"`, refused: "spec.clientID in body should match"},
		"clientID empty":          {spec: `clientID: ""`, refused: "should be at least 1 chars long"},
		"clientID of 128":         {spec: `clientID: ` + letters(128)},
		"clientID of 129":         {spec: `clientID: ` + letters(129), refused: "may not be more than 128"},
		"clientID changes":        {spec: `clientID: a`, update: `clientID: b`, refused: "clientID is immutable"},
		"clientID is added":       {update: `clientID: b`, refused: "clientID can be set only when the ClientApplication is created"},
		"clientID is removed":     {spec: `clientID: a`, update: `clientID: null`, refused: "clientID can be set only when the ClientApplication is created"},
		"displayName in a script": {spec: `displayName: "Пайплайн"`},
		"displayName of 129":      {spec: `displayName: ` + letters(129), refused: "may not be more than 128"},
		"displayName of two rows": {spec: `displayName: "a\nb"`, refused: "spec.displayName in body should match"},

		// redirectURIs
		"code without a redirect":         {spec: code, refused: "authorization_code needs at least one of redirectURIs"},
		"code with an empty list":         {spec: `{` + code + `, redirectURIs: []}`, refused: "authorization_code needs at least one of redirectURIs"},
		"code that loses its redirects":   {spec: uri("https://a.example.com/cb"), update: `redirectURIs: null`, refused: "authorization_code needs at least one of redirectURIs"},
		"redirect over https":             {spec: uri("https://app.example.com/cb?tenant=1")},
		"redirect to IPv4 loopback":       {spec: uri("http://127.0.0.1/cb")},
		"redirect to IPv6 loopback":       {spec: uri("http://[::1]:8000/cb")},
		"redirect to localhost":           {spec: uri("http://localhost:8000/cb"), refused: redirect},
		"redirect over http":              {spec: uri("http://app.example.com/cb"), refused: redirect},
		"redirect with a fragment":        {spec: uri("https://app.example.com/cb#x"), refused: redirect},
		"redirect with a user name":       {spec: uri("https://app.example.com@evil.example/cb"), refused: redirect},
		"redirect with a wildcard host":   {spec: uri("https://*.example.com/cb"), refused: redirect},
		"redirect with a backslash":       {spec: uri(`https://app.example.com\\evil`), refused: redirect},
		"redirect with an encoded octet":  {spec: uri("https://app.example.com/%2e%2e/cb"), refused: redirect},
		"redirect with a line break":      {spec: uri(`https://app.example.com/\n`), refused: redirect},
		"redirect to a script":            {spec: uri("javascript:alert(1)"), refused: redirect},
		"redirect to an app's scheme":     {spec: uri("com.example.app:/cb"), refused: redirect},
		"redirect with a dot segment":     {spec: uri("https://app.example.com/a/../b"), refused: segment},
		"redirect that ends in dots":      {spec: uri("https://app.example.com/.."), refused: segment},
		"redirect with code in the query": {spec: uri("https://app.example.com/cb?code=x"), refused: segment},
		"redirect with a later state":     {spec: uri("https://app.example.com/cb?a=b&state=x"), refused: segment},
		"redirect with iss in the query":  {spec: uri("https://app.example.com/cb?iss=x"), refused: segment},
		"redirect with a like parameter":  {spec: uri("https://app.example.com/cb?zipcode=x")},
		"redirect twice":                  {spec: `redirectURIs: ["https://a.example.com", "https://a.example.com"]`, refused: "Duplicate value"},
		"redirect of 512 characters":      {spec: uri("https://a.example.com/" + letters(512-22))},
		"redirect of 513 characters":      {spec: uri("https://a.example.com/" + letters(513-22)), refused: "may not be more than 512"},
		"32 redirects at their longest":   {spec: `redirectURIs: ` + list(32, `"https://a.example.com/%02d`+letters(488)+`"`)},
		"33 redirects":                    {spec: `redirectURIs: ` + list(33, `"https://a.example.com/%d"`), refused: "must have at most 32 items"},
		"redirect after sign-out":         {spec: `postLogoutRedirectURIs: ["https://app.example.com/bye"]`},
		"such a redirect over http":       {spec: `postLogoutRedirectURIs: ["http://app.example.com/bye"]`, refused: logout},
		"such a redirect twice":           {spec: `postLogoutRedirectURIs: ["https://a.example.com", "https://a.example.com"]`, refused: "Duplicate value"},
		"33 such redirects":               {spec: `postLogoutRedirectURIs: ` + list(33, `"https://a.example.com/%d"`), refused: "must have at most 32 items"},

		// scopes and audiences
		"scopes of its own":        {spec: `scopes: [openid, "jobs:read", "https://api.example.com/jobs.write"]`},
		"no scopes":                {spec: `scopes: []`},
		"scope with a space":       {spec: `scopes: ["a b"]`, refused: "spec.scopes[0] in body should match"},
		"scope with a quote":       {spec: `scopes: ['a"']`, refused: "spec.scopes[0] in body should match"},
		"scope of 129 characters":  {spec: `scopes: [` + letters(129) + `]`, refused: "may not be more than 128"},
		"scope twice":              {spec: `scopes: [openid, openid]`, refused: "Duplicate value"},
		"65 scopes":                {spec: `scopes: ` + list(65, "s%d"), refused: "must have at most 64 items"},
		"audiences":                {spec: `audiences: [kubernetes, "https://api.example.com/v1?x=y"]`},
		"audience with a space":    {spec: `audiences: ["a b"]`, refused: "spec.audiences[0] in body should match"},
		"audience with a fragment": {spec: `audiences: ["https://api.example.com/#x"]`, refused: "spec.audiences[0] in body should match"},
		"audience of 257":          {spec: `audiences: [` + letters(257) + `]`, refused: "may not be more than 256"},
		"audience twice":           {spec: `audiences: [a, a]`, refused: "Duplicate value"},
		"33 audiences":             {spec: `audiences: ` + list(33, "a%d"), refused: "must have at most 32 items"},

		// secret
		"secret with a name":      {spec: `secret: {name: ci-credentials, rotationPeriod: 720h, overlap: 0s}`},
		"secret in capitals":      {spec: `secret: {name: CI}`, refused: "spec.secret.name in body should match"},
		"secret elsewhere":        {spec: `secret: {name: kube-system/a}`, refused: "spec.secret.name in body should match"},
		"secret of 254":           {spec: `secret: {name: ` + letters(254) + `}`, refused: "may not be more than 253"},
		"secret moves":            {spec: `secret: {name: a}`, update: `secret: {name: b}`},
		"rotates each minute":     {spec: `secret: {rotationPeriod: 1m}`},
		"rotates too often":       {spec: `secret: {rotationPeriod: 59s}`, refused: "rotationPeriod must be between 1m and 8760h"},
		"rotates too rarely":      {spec: `secret: {rotationPeriod: 8761h}`, refused: "rotationPeriod must be between 1m and 8760h"},
		"overlap of 720 hours":    {spec: `secret: {overlap: 720h}`},
		"overlap beyond a month":  {spec: `secret: {overlap: 721h}`, refused: "overlap must be between 0s and 720h"},
		"overlap before it began": {spec: `secret: {overlap: -1s}`, refused: "overlap must be between 0s and 720h"},

		// tokens
		"lifetimes of its own": {spec: `tokens: {access: 10s, id: 24h}`},
		"access too short":     {spec: `tokens: {access: 9s}`, refused: "access must be between 10s and 24h"},
		"id too long":          {spec: `tokens: {id: 25h}`, refused: "id must be between 10s and 24h"},
		"RS256":                {spec: `signingAlgorithm: RS256`},
		"EdDSA":                {spec: `signingAlgorithm: EdDSA`, refused: "Unsupported value: \"EdDSA\""},
		"plain JWT":            {spec: `accessTokenFormat: JWT`},
		"opaque tokens":        {spec: `accessTokenFormat: Opaque`, refused: "Unsupported value: \"Opaque\""},
		"disabled":             {update: `disabled: true`},
	}
	maps.Copy(cases, clientAuthentication())
	return table{kind: "ClientApplication", base: `{type: Confidential, grantTypes: [client_credentials]}`, cases: cases}
}
