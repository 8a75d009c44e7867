package api_test

func users() table {
	const username, email = "spec.username in body should match", "spec.email in body should match"
	const reserved = "groups beginning with system: are reserved for Kubernetes"
	return table{kind: "User", base: `email: alice@example.com`, cases: map[string]change{
		"only an address": {},

		// email
		"email missing":             {spec: `email: null`, refused: "spec.email: Required value"},
		"email without a host":      {spec: `email: alice`, refused: email},
		"email with two at signs":   {spec: `email: alice@b@example.com`, refused: email},
		"email with a space":        {spec: `email: "al ice@example.com"`, refused: email},
		"email with a line break":   {spec: `email: "alice@example.com\n"`, refused: email},
		"email with a colon":        {spec: `email: "system:alice@example.com"`, refused: email},
		"email in capitals":         {spec: `email: Alice@example.com`, refused: "email must be lower-case"},
		"email of 254 characters":   {spec: `email: ` + letters(242) + `@example.com`},
		"email of 255 characters":   {spec: `email: ` + letters(243) + `@example.com`, refused: "may not be more than 254"},
		"email changes":             {update: `email: alice@example.org`},
		"email that no name can be": {spec: `email: o'hara@example.com`, refused: "username is needed, because email has characters that a user name cannot have"},
		"such an email with a name": {spec: `{email: o'hara@example.com, username: ohara}`},
		"email beginning with a dot, where a name cannot": {
			spec: `email: .alice@example.com`, refused: "username is needed, because email has characters that a user name cannot have",
		},

		// username
		"username":                         {spec: `username: alice`},
		"username with every mark":         {spec: `username: a.b_c@d+e-f`},
		"username in another script":       {spec: `username: мария`},
		"username in capitals":             {spec: `username: Alice`, refused: "username must be lower-case"},
		"username with a colon":            {spec: `username: "system:admin"`, refused: username},
		"username of an application":       {spec: `username: "application:ci"`, refused: username},
		"username with a full-width colon": {spec: `username: system：admin`, refused: username},
		"username with a small colon":      {spec: `username: system﹕admin`, refused: username},
		"username with a zero-width space": {spec: `username: "al\u200bice"`, refused: username},
		"username with a space":            {spec: `username: "alice b"`, refused: username},
		"username with a slash":            {spec: `username: a/b`, refused: username},
		"username empty":                   {spec: `username: ""`, refused: "should be at least 1 chars long"},
		"username of 253 characters":       {spec: `username: ` + letters(253)},
		"username of 254 characters":       {spec: `username: ` + letters(254), refused: "may not be more than 253"},
		"username changes":                 {spec: `username: alice`, update: `username: alice2`},

		// names of people
		"names in any script":         {spec: `{givenName: "Zoë", familyName: "O'Hara-李"}`},
		"given name with a bell":      {spec: `givenName: "a\u0007"`, refused: "spec.givenName in body should match"},
		"family name with two lines":  {spec: `familyName: "a\nb"`, refused: "spec.familyName in body should match"},
		"given name of 129 letters":   {spec: `givenName: ` + letters(129), refused: "may not be more than 128"},
		"family name of 129 letters":  {spec: `familyName: ` + letters(129), refused: "may not be more than 128"},
		"disabled and enabled again":  {spec: `disabled: true`, update: `disabled: false`},
		"disabled that is not a bool": {spec: `disabled: "no"`, refused: "spec.disabled in body must be of type boolean"},

		// groups
		"groups":                      {spec: `groups: [researchers, "gpu users", "équipe: réseau"]`},
		"256 groups":                  {spec: `groups: ` + list(256, "group-%d")},
		"257 groups":                  {spec: `groups: ` + list(257, "group-%d"), refused: "must have at most 256 items"},
		"256 groups at their longest": {spec: `groups: ` + list(256, "g-%03d"+letters(123))},
		"group of 129 characters":     {spec: `groups: [` + letters(129) + `]`, refused: "may not be more than 128"},
		"group empty":                 {spec: `groups: [""]`, refused: "should be at least 1 chars long"},
		"group twice":                 {spec: `groups: [a, a]`, refused: "Duplicate value"},
		"group with a line break":     {spec: `groups: ["a\nb"]`, refused: "should match"},
		"group system:masters":        {spec: `groups: ["system:masters"]`, refused: reserved},
		"group System:Masters":        {spec: `groups: ["System:Masters"]`, refused: reserved},
		"group SYSTEM: behind others": {spec: `groups: [a, b, "SYSTEM:nodes"]`, refused: reserved},
		"group systemd":               {spec: `groups: [systemd, "my-system:x"]`},
		"group system: by update":     {spec: `groups: [a]`, update: `groups: [a, "system:masters"]`, refused: reserved},

		// posix
		"posix":                           {spec: `posix: {uid: 1000, gid: 1000, supplementaryGroups: [1001, 4294967293]}`},
		"posix as high as it goes":        {spec: `posix: {uid: 4294967293, gid: 4294967293}`},
		"posix uid of root":               {spec: `posix: {uid: 0, gid: 1000}`, refused: "spec.posix.uid in body should be greater than or equal to 1000"},
		"posix uid of the system":         {spec: `posix: {uid: 999, gid: 1000}`, refused: "spec.posix.uid in body should be greater than or equal to 1000"},
		"posix uid that means nobody":     {spec: `posix: {uid: 4294967294, gid: 1000}`, refused: "spec.posix.uid in body should be less than or equal to 4294967293"},
		"posix gid of the system":         {spec: `posix: {uid: 1000, gid: 27}`, refused: "spec.posix.gid in body should be greater than or equal to 1000"},
		"posix gid too high":              {spec: `posix: {uid: 1000, gid: 4294967295}`, refused: "spec.posix.gid in body should be less than or equal to 4294967293"},
		"posix without a group":           {spec: `posix: {uid: 1000}`, refused: "spec.posix.gid: Required value"},
		"posix without a user":            {spec: `posix: {gid: 1000}`, refused: "spec.posix.uid: Required value"},
		"posix in a group of the system":  {spec: `posix: {uid: 1000, gid: 1000, supplementaryGroups: [0]}`, refused: "should be greater than or equal to 1000"},
		"posix in a group out of range":   {spec: `posix: {uid: 1000, gid: 1000, supplementaryGroups: [4294967295]}`, refused: "should be less than or equal to 4294967293"},
		"posix in 65 groups":              {spec: `posix: {uid: 1000, gid: 1000, supplementaryGroups: ` + list(65, "2%03d") + `}`, refused: "must have at most 64 items"},
		"posix in the same group twice":   {spec: `posix: {uid: 1000, gid: 1000, supplementaryGroups: [1001, 1001]}`, refused: "Duplicate value"},
		"posix uid that is not a number":  {spec: `posix: {uid: "1000", gid: 1000}`, refused: "must be of type integer"},
		"posix uid that is not a integer": {spec: `posix: {uid: 1000.5, gid: 1000}`, refused: "must be of type integer"},

		// password
		"password from a Secret":         {spec: `password: {secretRef: {name: alice-password}}`},
		"password from another key":      {spec: `password: {secretRef: {name: alice-password, key: initial.txt}}`},
		"password from nowhere":          {spec: `password: {}`, refused: "spec.password.secretRef: Required value"},
		"password from a nameless":       {spec: `password: {secretRef: {key: a}}`, refused: "spec.password.secretRef.name: Required value"},
		"password from an empty key":     {spec: `password: {secretRef: {name: a, key: ""}}`, refused: "should be at least 1 chars long"},
		"password from an impossible":    {spec: `password: {secretRef: {name: a, key: "a/b"}}`, refused: "spec.password.secretRef.key in body should match"},
		"password source changes":        {spec: `password: {secretRef: {name: a}}`, update: `password: {secretRef: {name: b}}`},
		"password source goes":           {spec: `password: {secretRef: {name: a}}`, update: `password: null`},
		"password Secret's name too big": {spec: `password: {secretRef: {name: ` + letters(254) + `}}`, refused: "may not be more than 253"},

		// subject
		"subject":                         {spec: `subject: auth0|5f7c8ec7c33c6c004bbafe82`},
		"subject with a space":            {spec: `subject: "a b"`, refused: "spec.subject in body should match"},
		"subject with a colon":            {spec: `subject: "application:ci"`, refused: "spec.subject in body should match"},
		"subject that is not ASCII":       {spec: `subject: zoë`, refused: "spec.subject in body should match"},
		"subject of 255 characters":       {spec: `subject: ` + letters(255)},
		"subject of 256 characters":       {spec: `subject: ` + letters(256), refused: "may not be more than 255"},
		"subject stays":                   {spec: `subject: a`, update: `email: alice@example.org`},
		"subject changes":                 {spec: `subject: a`, update: `subject: b`, refused: "subject is immutable"},
		"subject is added later":          {update: `subject: b`, refused: "subject can be set only when the User is created"},
		"subject is removed later":        {spec: `subject: a`, update: `subject: null`, refused: "subject can be set only when the User is created"},
		"a User without subject, updated": {update: `disabled: true`},
	}}
}
