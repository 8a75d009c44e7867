package api_test

func realms() table {
	return table{kind: "Realm", base: `issuer: https://id.example.com/realms/acme`, cases: map[string]change{
		"only an issuer": {},

		// issuer
		"issuer missing":                {spec: `issuer: null`, refused: "spec.issuer: Required value"},
		"issuer with a port":            {spec: `issuer: https://id.example.com:8443/realms/acme`},
		"issuer that is a host":         {spec: `issuer: https://id.example.com`},
		"issuer with an IPv4 address":   {spec: `issuer: https://127.0.0.1:8443/realms/acme`},
		"issuer with an IPv6 address":   {spec: `issuer: "https://[::1]:8443/realms/acme"`},
		"issuer over http":              {spec: `issuer: http://id.example.com/realms/acme`, refused: "spec.issuer in body should match"},
		"issuer with a query":           {spec: `issuer: https://id.example.com/realms/acme?x=y`, refused: "spec.issuer in body should match"},
		"issuer with a fragment":        {spec: `issuer: "https://id.example.com/realms/acme#x"`, refused: "spec.issuer in body should match"},
		"issuer with a user name":       {spec: `issuer: https://root@id.example.com/`, refused: "spec.issuer in body should match"},
		"issuer with a trailing slash":  {spec: `issuer: https://id.example.com/realms/acme/`, refused: "spec.issuer in body should match"},
		"issuer with a capital host":    {spec: `issuer: https://ID.example.com/realms/acme`, refused: "spec.issuer in body should match"},
		"issuer with an encoded octet":  {spec: `issuer: https://id.example.com/realms/%61cme`, refused: "spec.issuer in body should match"},
		"issuer with a dot segment":     {spec: `issuer: https://id.example.com/realms/../acme`, refused: "issuer must not contain . or .. as a path segment"},
		"issuer that ends in a dot":     {spec: `issuer: https://id.example.com/realms/.`, refused: "issuer must not contain . or .. as a path segment"},
		"issuer with dots in a name":    {spec: `issuer: https://id.example.com/realms/acme.v2`},
		"issuer of 256 characters":      {spec: `issuer: https://id.example.com/` + letters(256-len("https://id.example.com/"))},
		"issuer of 257 characters":      {spec: `issuer: https://id.example.com/` + letters(257-len("https://id.example.com/")), refused: "may not be more than 256"},
		"issuer of 11 characters":       {spec: `issuer: "https://a.b"`, refused: "should be at least 12 chars long"},
		"issuer stays":                  {update: `displayName: Acme`},
		"issuer changes":                {update: `issuer: https://id.example.com/realms/other`, refused: "issuer is immutable"},
		"displayName of 128 characters": {spec: `displayName: ` + letters(128)},
		"displayName of 129 characters": {spec: `displayName: ` + letters(129), refused: "may not be more than 128"},
		"displayName empty":             {spec: `displayName: ""`, refused: "should be at least 1 chars long"},

		// signing
		"every algorithm kube-apiserver knows": {spec: `signing: {algorithm: PS256}`},
		"algorithm EdDSA":                      {spec: `signing: {algorithm: EdDSA}`, refused: "Unsupported value: \"EdDSA\""},
		"algorithm none":                       {spec: `signing: {algorithm: none}`, refused: "Unsupported value: \"none\""},
		"algorithm HS256":                      {spec: `signing: {algorithm: HS256}`, refused: "Unsupported value: \"HS256\""},
		"rotation at its shortest":             {spec: `signing: {rotationPeriod: 5s, publishBefore: 2s, keysMaxAge: 1s}`},
		"rotation too short":                   {spec: `signing: {rotationPeriod: 4s, publishBefore: 2s, keysMaxAge: 1s}`, refused: "rotationPeriod must be between 5s and 8760h"},
		"rotation of a year":                   {spec: `signing: {rotationPeriod: 8760h}`},
		"rotation too long":                    {spec: `signing: {rotationPeriod: 8761h}`, refused: "rotationPeriod must be between 5s and 8760h"},
		"rotation that is no duration":         {spec: `signing: {rotationPeriod: monthly}`, refused: "rotationPeriod"},
		"published too briefly":                {spec: `signing: {rotationPeriod: 5s, publishBefore: 1s, keysMaxAge: 1s}`, refused: "publishBefore must be between 2s and 720h"},
		"published too long":                   {spec: `signing: {rotationPeriod: 8760h, publishBefore: 721h}`, refused: "publishBefore must be between 2s and 720h"},
		"keys cached too briefly":              {spec: `signing: {keysMaxAge: 0s}`, refused: "keysMaxAge must be between 1s and 1h"},
		"keys cached too long":                 {spec: `signing: {keysMaxAge: 61m, publishBefore: 24h}`, refused: "keysMaxAge must be between 1s and 1h"},
		"keys cached for an hour":              {spec: `signing: {keysMaxAge: 1h, publishBefore: 2h}`},
		"published twice the cache":            {spec: `signing: {keysMaxAge: 30m, publishBefore: 60m}`},
		"published less than twice the cache":  {spec: `signing: {keysMaxAge: 30m, publishBefore: 59m}`, refused: "publishBefore must be at least twice keysMaxAge"},
		"rotates no later than it publishes":   {spec: `signing: {rotationPeriod: 1h, publishBefore: 1h}`, refused: "rotationPeriod must be longer than publishBefore"},
		"rotates just after it publishes":      {spec: `signing: {rotationPeriod: 61m, publishBefore: 1h}`},
		"signing changes later":                {update: `signing: {algorithm: RS256, rotationPeriod: 24h}`},
		"duration of 33 characters":            {spec: `signing: {rotationPeriod: "` + letters(33) + `"}`, refused: "may not be more than 32"},

		// tokens
		"lifetimes at their shortest": {spec: `tokens: {access: 10s, id: 10s, refreshIdle: 1m, refreshAbsolute: 1m}`},
		"lifetimes at their longest":  {spec: `tokens: {access: 24h, id: 24h, refreshIdle: 2160h, refreshAbsolute: 8760h}`},
		"access too short":            {spec: `tokens: {access: 9s}`, refused: "access must be between 10s and 24h"},
		"access too long":             {spec: `tokens: {access: 25h}`, refused: "access must be between 10s and 24h"},
		"id too short":                {spec: `tokens: {id: 9s}`, refused: "id must be between 10s and 24h"},
		"id too long":                 {spec: `tokens: {id: 25h}`, refused: "id must be between 10s and 24h"},
		"refresh rests too briefly":   {spec: `tokens: {refreshIdle: 59s}`, refused: "refreshIdle must be between 1m and 2160h"},
		"refresh rests too long":      {spec: `tokens: {refreshIdle: 2161h, refreshAbsolute: 8760h}`, refused: "refreshIdle must be between 1m and 2160h"},
		"refresh lives too briefly":   {spec: `tokens: {refreshAbsolute: 59s}`, refused: "refreshAbsolute must be between 1m and 8760h"},
		"refresh lives too long":      {spec: `tokens: {refreshAbsolute: 8761h}`, refused: "refreshAbsolute must be between 1m and 8760h"},
		"refresh lives less than it rests": {
			spec: `tokens: {refreshIdle: 2h, refreshAbsolute: 1h}`, refused: "refreshAbsolute must not be shorter than refreshIdle",
		},

		// password
		"passwords of 8":                     {spec: `password: {minLength: 8}`},
		"passwords of 7":                     {spec: `password: {minLength: 7}`, refused: "should be greater than or equal to 8"},
		"passwords of 128":                   {spec: `password: {minLength: 128}`},
		"passwords of 129":                   {spec: `password: {minLength: 129}`, refused: "should be less than or equal to 128"},
		"temporary password for a minute":    {spec: `password: {temporaryLifetime: 1m}`},
		"temporary password for 59 seconds":  {spec: `password: {temporaryLifetime: 59s}`, refused: "temporaryLifetime must be between 1m and 720h"},
		"temporary password beyond 720 hour": {spec: `password: {temporaryLifetime: 721h}`, refused: "temporaryLifetime must be between 1m and 720h"},

		// kubernetes
		"prefixes":                      {spec: `kubernetes: {usernamePrefix: "acme:", groupsPrefix: "acme-groups:"}`},
		"prefix with colons":            {spec: `kubernetes: {usernamePrefix: "acme:eu:"}`},
		"username prefix system:":       {spec: `kubernetes: {usernamePrefix: "system:"}`, refused: "prefixes beginning with system: are reserved for Kubernetes"},
		"username prefix below system:": {spec: `kubernetes: {usernamePrefix: "system:acme:"}`, refused: "prefixes beginning with system: are reserved for Kubernetes"},
		"groups prefix system:":         {spec: `kubernetes: {groupsPrefix: "system:"}`, refused: "prefixes beginning with system: are reserved for Kubernetes"},
		"prefix in capitals":            {spec: `kubernetes: {groupsPrefix: "System:"}`, refused: "spec.kubernetes.groupsPrefix in body should match"},
		"prefix with a full-width":      {spec: `kubernetes: {groupsPrefix: "ｓystem:"}`, refused: "spec.kubernetes.groupsPrefix in body should match"},
		"prefix without a colon":        {spec: `kubernetes: {usernamePrefix: "acme-"}`, refused: "spec.kubernetes.usernamePrefix in body should match"},
		"prefix empty":                  {spec: `kubernetes: {usernamePrefix: ""}`, refused: "should be at least 2 chars long"},
		"prefix of 64 characters":       {spec: `kubernetes: {usernamePrefix: "` + letters(63) + `:"}`},
		"prefix of 65 characters":       {spec: `kubernetes: {usernamePrefix: "` + letters(64) + `:"}`, refused: "may not be more than 64"},
		"username prefix changes": {
			spec: `kubernetes: {usernamePrefix: "acme:"}`, update: `kubernetes: {usernamePrefix: "other:"}`, refused: "usernamePrefix is immutable",
		},
		"groups prefix changes": {
			spec: `kubernetes: {groupsPrefix: "acme:"}`, update: `kubernetes: {groupsPrefix: "other:"}`, refused: "groupsPrefix is immutable",
		},
		"prefix is added later": {
			update: `kubernetes: {usernamePrefix: "other:"}`, refused: "cannot be added or removed later",
		},
		"prefix is removed later": {
			spec: `kubernetes: {groupsPrefix: "acme:"}`, update: `kubernetes: {groupsPrefix: null}`, refused: "cannot be added or removed later",
		},
		"prefixes are removed as a whole": {
			spec: `kubernetes: {groupsPrefix: "acme:"}`, update: `kubernetes: null`, refused: "cannot be added or removed later",
		},
		"prefixes stay": {
			spec: `kubernetes: {usernamePrefix: "acme:", groupsPrefix: "acme:"}`, update: `kubernetes: {allowedScopes: {cluster: true}}`,
		},
		"audience that is a URL":          {spec: `kubernetes: {audience: "https://cluster.example.com"}`},
		"audience empty":                  {spec: `kubernetes: {audience: ""}`, refused: "should be at least 1 chars long"},
		"audience with a space":           {spec: `kubernetes: {audience: "a b"}`, refused: "spec.kubernetes.audience in body should match"},
		"audience of 129 characters":      {spec: `kubernetes: {audience: "` + letters(129) + `"}`, refused: "may not be more than 128"},
		"scopes limited by a selector":    {spec: `kubernetes: {allowedScopes: {namespaces: {matchLabels: {team: research}}}}`},
		"scopes in every namespace":       {spec: `kubernetes: {allowedScopes: {namespaces: {}}}`},
		"scopes with an unknown operator": {spec: `kubernetes: {allowedScopes: {namespaces: {matchExpressions: [{key: a}]}}}`, refused: "operator: Required value"},

		// serving
		"certificate given":               {spec: `serving: {certificateSecretRef: {name: id-example-com}}`},
		"certificate without a name":      {spec: `serving: {certificateSecretRef: {}}`, refused: "name: Required value"},
		"certificate with an empty name":  {spec: `serving: {certificateSecretRef: {name: ""}}`, refused: "should be at least 1 chars long"},
		"16 additional names":             {spec: `serving: {additionalNames: ` + list(16, "host-%d.example.com") + `}`},
		"17 additional names":             {spec: `serving: {additionalNames: ` + list(17, "host-%d.example.com") + `}`, refused: "must have at most 16 items"},
		"additional addresses":            {spec: `serving: {additionalNames: ["10.96.0.10", "fd00::1"]}`},
		"additional name twice":           {spec: `serving: {additionalNames: [a.example.com, a.example.com]}`, refused: "Duplicate value"},
		"additional name with a wildcard": {spec: `serving: {additionalNames: ["*.example.com"]}`, refused: "should match"},

		// grants
		"password grant":  {spec: `grants: [client_credentials, password]`},
		"no grant at all": {spec: `grants: []`},
		"implicit grant":  {spec: `grants: [implicit]`, refused: "Unsupported value: \"implicit\""},
		"grant twice":     {spec: `grants: [password, password]`, refused: "Duplicate value"},
	}}
}
