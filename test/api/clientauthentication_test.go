package api_test

import "strings"

// clientAuthentication are the cases of spec.authentication of a ClientApplication.
func clientAuthentication() map[string]change {
	const (
		jwksURI = "spec.authentication.privateKeyJWT.jwksURI in body should match"
		issuer  = "spec.authentication.federatedIdentities[0].issuer in body should match"
		private = "jwks holds a private or symmetric key"
		account = "system:serviceaccount:ci:runner"
		local   = "without issuer, subject is a ServiceAccount of this cluster"
	)
	keys := func(fields string) string { return `authentication: {privateKeyJWT: {` + fields + `}}` }
	workload := func(fields string) string { return `authentication: {federatedIdentities: [{` + fields + `}]}` }
	jwks := func(members string) string { return keys(`jwks: '{"keys":[{"kty":"EC"` + members + `}]}'`) }
	return map[string]change{
		"keys written here":              {spec: jwks(`,"crv":"P-256"`)},
		"keys at an address":             {spec: keys(`jwksURI: "https://app.example.com:8443/.well-known/jwks.json?v=1", caBundle: PEM`)},
		"a ServiceAccount":               {spec: workload(`subject: "` + account + `", tokenReview: true, audience: "https://id.example.com/realms/acme"`)},
		"a CI job":                       {spec: workload(`issuer: "https://token.actions.example.com", subject: "repo:acme/shop:ref:refs/heads/main", caBundle: PEM`)},
		"keys and workloads":             {spec: `authentication: {privateKeyJWT: {jwksURI: "https://a.example.com"}, federatedIdentities: [{subject: "` + account + `"}]}`},
		"keys and a secret":              {spec: `{` + keys(`jwksURI: "https://a.example.com"`) + `, secret: {}}`},
		"keys come later":                {update: keys(`jwksURI: "https://a.example.com"`)},
		"keys go again":                  {spec: keys(`jwksURI: "https://a.example.com"`), update: `authentication: null`},
		"authentication by nothing":      {spec: `authentication: {}`, refused: "authentication needs privateKeyJWT, federatedIdentities or both"},
		"a public client that proves":    {spec: `{type: Public, grantTypes: [password], ` + keys(`jwksURI: "https://a.example.com"`) + `}`, refused: "a Public client proves nothing; remove authentication"},
		"keys nowhere":                   {spec: keys(``), refused: "privateKeyJWT needs either jwks or jwksURI"},
		"keys here and there":            {spec: keys(`jwks: "{}", jwksURI: "https://a.example.com"`), refused: "privateKeyJWT needs either jwks or jwksURI"},
		"authorities for keys here":      {spec: keys(`jwks: "{}", caBundle: PEM`), refused: "caBundle is for jwksURI only"},
		"keys empty":                     {spec: keys(`jwks: ""`), refused: "should be at least 1 chars long"},
		"keys of 32768 characters":       {spec: keys(`jwks: ` + letters(32768))},
		"keys of 32769 characters":       {spec: keys(`jwks: ` + letters(32769)), refused: "may not be more than 32768"},
		"a private EC key":               {spec: jwks(`,"d":"AAAA"`), refused: private},
		"a private key, spaced":          {spec: jwks(`, "d" : "AAAA"`), refused: private},
		"a private RSA key":              {spec: jwks(`,"qi":"AAAA"`), refused: private},
		"a symmetric key":                {spec: jwks(`,"k":"AAAA"`), refused: private},
		"a private key comes later":      {spec: jwks(``), update: jwks(`,"d":"AAAA"`), refused: private},
		"a kid that is called d":         {spec: jwks(`,"kid":"d"`)},
		"keys over http":                 {spec: keys(`jwksURI: "http://a.example.com"`), refused: jwksURI},
		"keys in a file":                 {spec: keys(`jwksURI: "file:///etc/passwd"`), refused: jwksURI},
		"keys with a password":           {spec: keys(`jwksURI: "https://user:password@a.example.com"`), refused: jwksURI},
		"keys at a fragment":             {spec: keys(`jwksURI: "https://a.example.com/#x"`), refused: jwksURI},
		"keys with a line break":         {spec: keys(`jwksURI: "https://a.example.com/\n"`), refused: jwksURI},
		"keys at 513 characters":         {spec: keys(`jwksURI: "https://a.example.com/` + letters(513-22) + `"`), refused: "may not be more than 512"},
		"authorities of 32769":           {spec: keys(`jwksURI: "https://a.example.com", caBundle: ` + letters(32769)), refused: "may not be more than 32768"},
		"no workloads":                   {spec: `authentication: {federatedIdentities: []}`, refused: "should have at least 1 items"},
		"16 workloads at their longest":  {spec: `authentication: {federatedIdentities: ` + list(16, `{issuer: "https://a.example.com/%02d`+letters(488)+`", subject: `+letters(512)+`, audience: `+letters(512)+`}`) + `}`},
		"17 workloads":                   {spec: `authentication: {federatedIdentities: ` + list(17, `{subject: "`+account+`%d"}`) + `}`, refused: "must have at most 16 items"},
		"a workload without a subject":   {spec: workload(`issuer: "https://a.example.com"`), refused: "subject: Required value"},
		"a subject that is empty":        {spec: workload(`issuer: "https://a.example.com", subject: ""`), refused: "should be at least 1 chars long"},
		"a subject with a line break":    {spec: workload(`issuer: "https://a.example.com", subject: "a\nb"`), refused: "subject in body should match"},
		"a subject of 513 characters":    {spec: workload(`issuer: "https://a.example.com", subject: ` + letters(513)), refused: "may not be more than 512"},
		"a person of this cluster":       {spec: workload(`subject: alice`), refused: local},
		"every ServiceAccount":           {spec: workload(`subject: "system:serviceaccount:ci:*"`), refused: local},
		"a ServiceAccount of nowhere":    {spec: workload(`subject: "system:serviceaccount::runner"`), refused: local},
		"a node of this cluster":         {spec: workload(`subject: "system:node:a"`), refused: local},
		"an issuer over http":            {spec: workload(`issuer: "http://a.example.com", subject: a`), refused: issuer},
		"an issuer with a query":         {spec: workload(`issuer: "https://a.example.com?x=y", subject: a`), refused: issuer},
		"an issuer with a user name":     {spec: workload(`issuer: "https://a@a.example.com", subject: a`), refused: issuer},
		"an issuer of 513 characters":    {spec: workload(`issuer: "https://a.example.com/` + letters(513-22) + `", subject: a`), refused: "may not be more than 512"},
		"an audience with a space":       {spec: workload(`subject: "` + account + `", audience: "a b"`), refused: "audience in body should match"},
		"an audience of 513 characters":  {spec: workload(`subject: "` + account + `", audience: ` + letters(513)), refused: "may not be more than 512"},
		"authorities without an issuer":  {spec: workload(`subject: "` + account + `", caBundle: PEM`), refused: "caBundle is for an issuer that is given"},
		"a review of somebody's tokens":  {spec: workload(`issuer: "https://a.example.com", subject: a, tokenReview: true`), refused: "tokenReview asks this cluster's API server about its own tokens; remove issuer"},
		"a review that is not asked for": {spec: workload(`issuer: "https://a.example.com", subject: a, tokenReview: false`)},
		"workload authorities of 32769":  {spec: workload(`issuer: "https://a.example.com", subject: a, caBundle: ` + strings.Repeat("a", 32769)), refused: "may not be more than 32768"},
	}
}
