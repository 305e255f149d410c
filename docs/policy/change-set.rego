# What a platform team may ask of every change set before it is merged:
#
#   conftest test plans/*.plan.json --policy docs/policy
#   opa eval --input plans/prod.plan.json --data docs/policy 'data.main.deny'
#
# `cni-plan show --json` brings a change set of an earlier version to today's form first.
package main

import rego.v1

# Clusters whose node roles keep their policy until somebody has decided otherwise. Name yours in a data file:
# {"cni_plan": {"protected_clusters": ["prod"]}}
protected_clusters contains cluster if some cluster in data.cni_plan.protected_clusters

# A policy that finds nothing because it looks at another form would agree to everything.
deny contains "this policy knows change sets of format version 2 and no others" if not knows_form

knows_form if input.formatVersion == 2

deny contains msg if {
	input.safety.verdict != "safe"
	msg := sprintf("pods of %s would lose their permissions: %s", [input.safety.cluster, input.safety.outcome])
}

deny contains msg if {
	some finding in input.findings
	finding.severity == "refuse"
	msg := sprintf("%s: %s", [finding.address, finding.message])
}

deny contains msg if {
	some finding in input.findings
	finding.severity == "warn"
	not finding.accepted
	msg := sprintf("%s: the warning %s is not accepted in the spec", [finding.address, finding.code])
}

deny contains msg if {
	some step in input.resource_changes
	step.type == "aws_iam_role_policy_attachment"
	"delete" in step.change.actions
	some cluster in step.clusters
	cluster in protected_clusters
	msg := sprintf("%s: the nodes of %s keep their policy", [step.address, cluster])
}

warn contains msg if {
	some step in input.resource_changes
	step.reversibility.is == "irreversible"
	msg := sprintf("%s cannot be undone: %s", [step.address, step.reversibility.why])
}
