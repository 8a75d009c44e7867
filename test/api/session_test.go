package api_test

func sessions() table {
	const immutable = "who signed in, how and when is immutable"
	const base = `{user: alice, subject: s-1, method: Password, authenticatedAt: "2026-11-01T00:00:00Z", expiresAt: "2026-12-01T00:00:00Z"}`
	return table{kind: "Session", base: base, cases: map[string]change{
		"a session":               {},
		"user missing":            {spec: `user: null`, refused: "spec.user: Required value"},
		"user of 254":             {spec: `user: ` + letters(254), refused: "may not be more than 253"},
		"subject missing":         {spec: `subject: null`, refused: "spec.subject: Required value"},
		"subject of 256":          {spec: `subject: ` + letters(256), refused: "may not be more than 255"},
		"method missing":          {spec: `method: null`, refused: "spec.method: Required value"},
		"method unknown":          {spec: `method: Magic`, refused: "Unsupported value: \"Magic\""},
		"method SAML":             {spec: `method: SAML`},
		"beginning missing":       {spec: `authenticatedAt: null`, refused: "spec.authenticatedAt: Required value"},
		"end missing":             {spec: `expiresAt: null`, refused: "spec.expiresAt: Required value"},
		"device":                  {spec: `device: Firefox on Linux`},
		"device with a control":   {spec: `device: "\u001b[31m"`, refused: "spec.device in body should match"},
		"device of 129":           {spec: `device: ` + letters(129), refused: "may not be more than 128"},
		"user changes":            {update: `user: bob`, refused: immutable},
		"subject changes":         {update: `subject: s-2`, refused: immutable},
		"method changes":          {update: `method: SAML`, refused: immutable},
		"beginning changes":       {update: `authenticatedAt: "2026-11-02T00:00:00Z"`, refused: immutable},
		"use is recorded":         {update: `{lastUsedAt: "2026-11-02T00:00:00Z", grants: [{id: g1, clientID: kubernetes, generation: 1}]}`},
		"end is brought forward":  {update: `expiresAt: "2026-11-02T00:00:00Z"`},
		"grant without an id":     {spec: `grants: [{clientID: kubernetes}]`, refused: "spec.grants[0].id: Required value"},
		"grant without a client":  {spec: `grants: [{id: g1}]`, refused: "spec.grants[0].clientID: Required value"},
		"grant counts backwards":  {spec: `grants: [{id: g1, clientID: a, generation: -1}]`, refused: "should be greater than or equal to 0"},
		"64 grants":               {spec: `grants: ` + list(64, "{id: g%d, clientID: a}")},
		"65 grants":               {spec: `grants: ` + list(65, "{id: g%d, clientID: a}"), refused: "must have at most 64 items"},
		"65 scopes":               {spec: `grants: [{id: g1, clientID: a, scopes: ` + list(65, "s%d") + `}]`, refused: "must have at most 64 items"},
		"audience of 257":         {spec: `grants: [{id: g1, clientID: a, audience: ` + letters(257) + `}]`, refused: "may not be more than 256"},
		"grant in use":            {spec: `grants: [{id: g1, clientID: a, audience: kubernetes, lastUsedAt: "2026-11-02T00:00:00Z", revoked: true}]`},
		"grant used at no time":   {spec: `grants: [{id: g1, clientID: a, lastUsedAt: soon}]`, refused: "must be of type date-time"},
		"idle time of 33 letters": {spec: `idleTimeout: ` + letters(33), refused: "may not be more than 32"},
	}}
}
