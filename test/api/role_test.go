package api_test

func roles() table {
	const reserved = "ClusterRoles beginning with system: belong to Kubernetes itself"
	return table{kind: "Role", base: `clusterRoles: [view]`, cases: map[string]change{
		"one ClusterRole":                  {},
		"no ClusterRole":                   {spec: `clusterRoles: null`},
		"an empty list":                    {spec: `clusterRoles: []`},
		"16 ClusterRoles":                  {spec: `clusterRoles: ` + list(16, "reader-%d")},
		"16 ClusterRoles at their longest": {spec: `clusterRoles: ` + list(16, "r-%02d"+letters(249))},
		"17 ClusterRoles":                  {spec: `clusterRoles: ` + list(17, "reader-%d"), refused: "must have at most 16 items"},
		"a ClusterRole twice":              {spec: `clusterRoles: [view, view]`, refused: "Duplicate value"},
		"a ClusterRole with colons":        {spec: `clusterRoles: ["acme:reader"]`},
		"a ClusterRole with an empty name": {spec: `clusterRoles: [""]`, refused: "should be at least 1 chars long"},
		"a ClusterRole of 254 characters":  {spec: `clusterRoles: [` + letters(254) + `]`, refused: "may not be more than 253"},
		"a ClusterRole with a slash":       {spec: `clusterRoles: [a/b]`, refused: "should match"},
		"a ClusterRole with a percent":     {spec: `clusterRoles: ["a%2fb"]`, refused: "should match"},
		"a ClusterRole with a line break":  {spec: `clusterRoles: ["a\nb"]`, refused: "should match"},
		"a ClusterRole of the system":      {spec: `clusterRoles: ["system:node"]`, refused: reserved},
		"such a ClusterRole in capitals":   {spec: `clusterRoles: [view, "System:Node"]`, refused: reserved},
		"such a ClusterRole by update":     {update: `clusterRoles: ["system:node"]`, refused: reserved},
		"ClusterRoles change":              {update: `clusterRoles: [view, edit]`},
		"texts":                            {spec: `{displayName: "Viewer (Researchers)", description: "Reads.\nOnly reads."}`},
		"displayName of 129 characters":    {spec: `displayName: ` + letters(129), refused: "may not be more than 128"},
		"description of 1024 characters":   {spec: `description: ` + letters(1024)},
		"description of 1025 characters":   {spec: `description: ` + letters(1025), refused: "may not be more than 1024"},
	}}
}
