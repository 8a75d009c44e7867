package api_test

func accessRules() table {
	const scopes = "set exactly one of cluster: true, namespaces and namespaceSelector"
	const object = "name must be the name of an object of that kind in this namespace"
	const base = `{subject: {kind: User, name: alice}, role: viewer, scope: {namespaces: [research]}}`
	return table{kind: "AccessRule", base: base, cases: map[string]change{
		"a user in a namespace": {},

		// subject
		"subject missing":           {spec: `subject: null`, refused: "spec.subject: Required value"},
		"subject without a kind":    {spec: `subject: {kind: null}`, refused: "spec.subject.kind: Required value"},
		"subject without a name":    {spec: `subject: {name: null}`, refused: "spec.subject.name: Required value"},
		"a group":                   {spec: `subject: {kind: Group, name: "GPU users"}`},
		"an application":            {spec: `subject: {kind: ClientApplication, name: ci-pipeline}`},
		"a ServiceAccount":          {spec: `subject: {kind: ServiceAccount, name: default}`, refused: "Unsupported value: \"ServiceAccount\""},
		"a user in capitals":        {spec: `subject: {name: Alice}`, refused: object},
		"a user by username":        {spec: `subject: {name: alice@example.com}`, refused: object},
		"an application by name":    {spec: `subject: {kind: ClientApplication, name: "application:ci"}`, refused: object},
		"the group system:masters":  {spec: `subject: {kind: Group, name: "system:masters"}`, refused: "names beginning with system: are reserved for Kubernetes"},
		"the group System:Masters":  {spec: `subject: {kind: Group, name: "System:Masters"}`, refused: "names beginning with system: are reserved for Kubernetes"},
		"a group with a line break": {spec: `subject: {kind: Group, name: "a\nb"}`, refused: "spec.subject.name in body should match"},
		"a subject of 253":          {spec: `subject: {kind: Group, name: ` + letters(253) + `}`},
		"a subject of 254":          {spec: `subject: {kind: Group, name: ` + letters(254) + `}`, refused: "may not be more than 253"},
		"an empty subject":          {spec: `subject: {name: ""}`, refused: "should be at least 1 chars long"},

		// role
		"role missing":           {spec: `role: null`, refused: "spec.role: Required value"},
		"role empty":             {spec: `role: ""`, refused: "should be at least 1 chars long"},
		"role in another realm":  {spec: `role: other/viewer`, refused: "spec.role in body should match"},
		"role in capitals":       {spec: `role: Viewer`, refused: "spec.role in body should match"},
		"role of 254 characters": {spec: `role: ` + letters(254), refused: "may not be more than 253"},
		"role changes":           {update: `role: editor`},

		// scope
		"scope missing":                  {spec: `scope: null`, refused: "spec.scope: Required value"},
		"scope empty":                    {spec: `scope: {namespaces: null}`, refused: scopes},
		"scope of no namespaces":         {spec: `scope: {namespaces: []}`, refused: scopes},
		"cluster":                        {spec: `scope: {namespaces: null, cluster: true}`},
		"cluster: false by itself":       {spec: `scope: {namespaces: null, cluster: false}`, refused: scopes},
		"cluster: false with namespaces": {spec: `scope: {cluster: false}`},
		"cluster and namespaces":         {spec: `scope: {cluster: true}`, refused: scopes},
		"cluster and a selector":         {spec: `scope: {namespaces: null, cluster: true, namespaceSelector: {}}`, refused: scopes},
		"namespaces and a selector":      {spec: `scope: {namespaceSelector: {}}`, refused: scopes},
		"a selector":                     {spec: `scope: {namespaces: null, namespaceSelector: {matchLabels: {team: research}}}`},
		"a selector of everything":       {spec: `scope: {namespaces: null, namespaceSelector: {}}`},
		"128 namespaces":                 {spec: `scope: {namespaces: ` + list(128, "team-%d") + `}`},
		"129 namespaces":                 {spec: `scope: {namespaces: ` + list(129, "team-%d") + `}`, refused: "must have at most 128 items"},
		"a namespace twice":              {spec: `scope: {namespaces: [a, a]}`, refused: "Duplicate value"},
		"a namespace in capitals":        {spec: `scope: {namespaces: [Research]}`, refused: "should match"},
		"a namespace with a star":        {spec: `scope: {namespaces: ["*"]}`, refused: "should match"},
		"a namespace of 64 characters":   {spec: `scope: {namespaces: [` + letters(64) + `]}`, refused: "may not be more than 63"},
		"an empty namespace":             {spec: `scope: {namespaces: [""]}`, refused: "should be at least 1 chars long"},
		"a scope that changes its kind":  {update: `scope: {namespaces: null, cluster: true}`},

		// time
		"from and until":            {spec: `{notBefore: "2026-01-01T00:00:00Z", expiresAt: "2026-01-01T00:00:01Z"}`},
		"only from":                 {spec: `notBefore: "2026-01-01T00:00:00Z"`},
		"only until":                {spec: `expiresAt: "2020-01-01T00:00:00Z"`},
		"ends when it begins":       {spec: `{notBefore: "2026-01-01T00:00:00Z", expiresAt: "2026-01-01T00:00:00Z"}`, refused: "expiresAt must be later than notBefore"},
		"ends before it begins":     {spec: `{notBefore: "2026-01-01T00:00:00Z", expiresAt: "2025-01-01T00:00:00Z"}`, refused: "expiresAt must be later than notBefore"},
		"compares times, not texts": {spec: `{notBefore: "2026-01-01T10:00:00+05:00", expiresAt: "2026-01-01T06:00:00Z"}`},
		"ends yesterday, whenever":  {spec: `expiresAt: yesterday`, refused: "spec.expiresAt in body must be of type date-time"},
		"prolonged":                 {spec: `expiresAt: "2026-01-01T00:00:00Z"`, update: `expiresAt: "2027-01-01T00:00:00Z"`},
		"shortened too far": {
			spec: `notBefore: "2026-01-01T00:00:00Z"`, update: `expiresAt: "2025-01-01T00:00:00Z"`, refused: "expiresAt must be later than notBefore",
		},
	}}
}
