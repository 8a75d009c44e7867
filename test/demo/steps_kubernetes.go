package main

func accepted() step {
	return step{
		title: "kube-apiserver accepts the application's token",
		why:   "Once it runs with the rendered file, which a metric of its own proves to the byte.",
		commands: []command{
			{
				line: `HASH=$(sha256sum < "$AUTHENTICATION_CONFIG" | cut -d' ' -f1)
until kubectl get --raw /metrics | grep "authentication_config_controller_last_config_info.*$HASH"; do sleep 0.1; done`,
				want: []string{"apiserver_authentication_config_controller_last_config_info"},
			},
			{
				line: `kubectl config set-credentials ci-pipeline --token="$TOKEN" && kubectl --user=ci-pipeline auth whoami`,
				want: []string{"acme:application:ci-pipeline", "system:authenticated"},
			},
			{
				line: `kubectl --user=ci-pipeline get namespaces`,
				want: []string{"research", "training"},
			},
			{
				line:   `kubectl --user=ci-pipeline get secrets -n acme`,
				status: 1, want: []string{"Forbidden", "acme:application:ci-pipeline"},
			},
		},
	}
}

func rights() step {
	return step{
		title: "The person has her own rights, and no others",
		why:   "alice may view research and, as a researcher, every namespace labelled team=research. Nobody gave her kube-system.",
		commands: []command{
			{
				line: `kubectl config set-credentials alice --token="$ALICE" && kubectl --user=alice auth whoami`,
				want: []string{"acme:alice", "acme:researchers"},
			},
			{
				line: `kubectl get rolebindings -n training -o wide && kubectl --user=alice get serviceaccounts -n training`,
				want: []string{"acme:researchers", "default"},
			},
			{
				line:   `kubectl --user=alice get serviceaccounts -n kube-system`,
				status: 1, want: []string{"Forbidden", "acme:alice"},
			},
			{
				line:   `kubectl --user=alice auth can-i delete pods -n research`,
				status: 1, want: []string{"no"},
			},
		},
	}
}
