//! Where moto and the sandbox are known to differ, and who is right.
//!
//! "API" is the AWS IAM API Reference (of STS where the call is STS's), "guide" the IAM User Guide. Of a
//! difference between two of moto's answers and the sandbox's documented one nothing is to be learned but
//! that it is there; it is listed so that every other one shows.

use super::answer::Disagreement;
use super::script::Call;

/// A reason for differences, with the differences it accounts for.
pub(super) struct Reason {
    /// Who is right, and by which source.
    pub(super) why: &'static str,
    pub(super) differences: &'static [Difference],
}

/// The line of the call, without `pages`; the place in the answer; what moto and what the sandbox have
/// there, `-` for nothing. In each, one `*` stands for anything.
pub(super) struct Difference(
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
);

use Difference as D;

pub(super) const REASONS: &[Reason] = &[
    Reason {
        why: "documents come URL-encoded by RFC 3986 (API, Role and PolicyVersion); moto encodes some",
        differences: &[
            D("ListRoles*", "Roles[*]/AssumeRolePolicyDocument/is-encoded", "false", "true"),
            D("UpdateRoleDescription *", "Role/AssumeRolePolicyDocument/is-encoded", "false", "true"),
            D("GetPolicyVersion *", "PolicyVersion/Document/is-encoded", "false", "true"),
        ],
    },
    Reason {
        why: "CreatePolicyVersion and ListPolicyVersions do not return the document (API, PolicyVersion)",
        differences: &[
            D("CreatePolicyVersion *", "PolicyVersion/Document", "*", "-"),
            D("CreatePolicyVersion *", "PolicyVersion/Document/is-encoded", "*", "-"),
            D("ListPolicyVersions *", "Versions[*]/Document", "*", "-"),
            D("ListPolicyVersions *", "Versions[*]/Document/is-encoded", "*", "-"),
        ],
    },
    Reason {
        why: "a managed policy's id begins with ANPA (guide, \"IAM identifiers\")",
        differences: &[
            D("CreatePolicy *", "Policy/PolicyId", "(id A*", "(id ANPA)"),
            D("GetPolicy *", "Policy/PolicyId", "(id A*", "(id ANPA)"),
            D("ListPolicies *", "Policies[*]/PolicyId", "(id A*", "(id ANPA)"),
        ],
    },
    Reason {
        why: "a policy says how many it bounds (API, Policy)",
        differences: &[
            D("CreatePolicy *", "Policy/PermissionsBoundaryUsageCount", "-", "0"),
            D("GetPolicy *", "Policy/PermissionsBoundaryUsageCount", "-", "*"),
            D("ListPolicies *", "Policies[*]/PermissionsBoundaryUsageCount", "-", "0"),
        ],
    },
    Reason {
        why: "a policy that is attached twice is attached to one entity (API, Policy); moto counts calls",
        differences: &[
            D("GetPolicy PolicyArn=arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy", "Policy/AttachmentCount", "2", "1"),
            D("ListPolicies *", "Policies[policy-a]/AttachmentCount", "6", "5"),
        ],
    },
    Reason {
        why: "a boundary's type can only be `Policy` (API, AttachedPermissionsBoundary); its enumeration has moto's",
        differences: &[
            D("GetRole *", "Role/PermissionsBoundary/PermissionsBoundaryType", "PermissionsBoundaryPolicy", "Policy"),
            D(
                "CreateRole *",
                "Role/PermissionsBoundary/PermissionsBoundaryType",
                "PermissionsBoundaryPolicy",
                "Policy",
            ),
        ],
    },
    Reason {
        why: "UpdateRole updates the description or the duration (API): what is not sent stays; moto clears it",
        differences: &[D("GetRole RoleName=rich", "Role/Description", "-", "of the team's & <nodes>")],
    },
    Reason {
        why: "no tags and an empty description are left out, as moto itself does of a role that never had any",
        differences: &[
            D("UpdateRoleDescription *", "Role/Tags", "", "-"),
            D("GetRole RoleName=plain", "Role/Description", "", "-"),
        ],
    },
    Reason {
        why: "the tags of a new provider are in the answer (API, CreateOpenIDConnectProvider)",
        differences: &[D("CreateOpenIDConnectProvider *", "Tags[team]*", "-", "*")],
    },
    Reason {
        why: "IAM fetches the thumbprint that is not sent (API, CreateOpenIDConnectProvider)",
        differences: &[
            D("GetOpenIDConnectProvider *bare.example", "ThumbprintList", "", "-"),
            D("GetOpenIDConnectProvider *bare.example", "ThumbprintList[*]", "-", "*"),
        ],
    },
    Reason {
        why: "tag keys that differ in case are one (guide, \"Tags for IAM resources\"); moto has so of policies and providers",
        differences: &[
            D("ListRoleTags RoleName=tagged", "Tags[team]*", "*", "-"),
            D("ListRoleTags RoleName=tagged", "Tags[TEAM]*", "*", "-"),
        ],
    },
    Reason {
        why: "names are not distinguished by case (API, CreateRole), nor by path, in which moto has policies apart",
        differences: &[
            D("CreateRole RoleName=PLAIN *", "outcome", "200", "409 EntityAlreadyExists"),
            D("CreatePolicy PolicyName=READER *", "outcome", "200", "409 EntityAlreadyExists"),
            D("CreatePolicy PolicyName=reader Path=/elsewhere/ *", "outcome", "200", "409 EntityAlreadyExists"),
        ],
    },
    Reason {
        why: "what is asked about has to be there (API: NoSuchEntity is among the errors of each)",
        differences: &[
            D("ListInstanceProfilesForRole RoleName=nobody", "outcome", "200", "404 NoSuchEntity"),
            D("ListEntitiesForPolicy *policy/nothing", "outcome", "200", "404 NoSuchEntity"),
            D("PutRolePermissionsBoundary *policy/nothing", "outcome", "200", "404 NoSuchEntity"),
            D("CreateRole RoleName=unbound *", "outcome", "200", "404 NoSuchEntity"),
        ],
    },
    Reason {
        why: "undecided: of a role that has no boundary the reference says neither; NoSuchEntity is among the errors",
        differences: &[D("DeleteRolePermissionsBoundary RoleName=bounded", "outcome", "200", "404 NoSuchEntity")],
    },
    Reason {
        why: "a policy that is attached, bounds a role or has other versions stays (API, DeletePolicy)",
        differences: &[
            D("DeletePolicy *policy/reader", "outcome", "200", "409 DeleteConflict"),
            D("DeletePolicy *policy/versioned", "outcome", "200", "409 DeleteConflict"),
            D("DeletePolicy *policy/bound", "outcome", "200", "409 DeleteConflict"),
        ],
    },
    Reason {
        why: "Amazon's policies are nobody's to change (guide, \"Managed policies and inline policies\")",
        differences: &[
            D("TagPolicy PolicyArn=arn:aws:iam::aws:*", "outcome", "200", "403 AccessDenied"),
            D("UntagPolicy PolicyArn=arn:aws:iam::aws:*", "outcome", "200", "403 AccessDenied"),
            D("CreatePolicyVersion PolicyArn=arn:aws:iam::aws:*", "outcome", "200", "403 AccessDenied"),
            D(
                "SetDefaultPolicyVersion PolicyArn=arn:aws:iam::aws:*",
                "outcome",
                "404 NoSuchEntity",
                "403 AccessDenied",
            ),
            D("DeletePolicyVersion PolicyArn=arn:aws:iam::aws:*", "outcome", "404 NoSuchEntity", "403 AccessDenied"),
            D("DeletePolicy PolicyArn=arn:aws:iam::aws:*", "outcome", "200", "403 AccessDenied"),
        ],
    },
    Reason {
        why: "the AWS Managed Policy Reference has version 5 as the default, moto a later one that allows one action \
              more: what goes with the sandbox's goes with either",
        differences: &[
            D("GetPolicy *policy/AmazonEKS_CNI_Policy", "Policy/DefaultVersionId", "v6", "v5"),
            D("GetPolicy *policy/AmazonEKS_CNI_Policy", "Policy/UpdateDate", "(time)", "2024-03-04T20:20:00Z"),
            D("GetPolicyVersion *policy/AmazonEKS_CNI_Policy VersionId=v5", "outcome", "404 NoSuchEntity", "200"),
            D("ListPolicyVersions *policy/AmazonEKS_CNI_Policy", "Versions[v*", "*", "*"),
        ],
    },
    Reason {
        why: "parameters have required values, lengths, ranges and patterns (API, each call's request parameters)",
        differences: &[
            D("CreateRole RoleName=no+good *", "outcome", "200", "400 ValidationError"),
            D("CreateRole RoleName=a2345678901234567890*", "outcome", "200", "400 ValidationError"),
            D("CreateRole RoleName=pathless *", "outcome", "200", "400 ValidationError"),
            D("CreateRole RoleName=hasty *", "outcome", "200", "400 ValidationError"),
            D("CreateRole RoleName=endless *", "outcome", "200", "400 ValidationError"),
            D("CreateRole RoleName=trustless", "outcome", "200", "400 ValidationError"),
            D("CreateRole AssumeRolePolicyDocument=@ec2", "outcome", "200", "400 ValidationError"),
            D("GetRole", "outcome", "200", "400 ValidationError"),
            D("UpdateAssumeRolePolicy RoleName=web", "outcome", "400 MalformedPolicyDocument", "400 ValidationError"),
            D("CreatePolicy PolicyName=p16", "outcome", "400 MalformedPolicyDocument", "400 ValidationError"),
            D("CreatePolicy PolicyName=no+good *", "outcome", "200", "400 ValidationError"),
            D("CreatePolicy PolicyName=pathless *", "outcome", "200", "400 ValidationError"),
            D("GetPolicy PolicyArn=nonsense", "outcome", "404 NoSuchEntity", "400 ValidationError"),
            D("ListPolicies Scope=Mine", "outcome", "200", "400 ValidationError"),
            D("PutRolePolicy RoleName=lenient PolicyName=no+good *", "outcome", "200", "400 ValidationError"),
            D("CreateOpenIDConnectProvider ClientIDList.member.1=a", "outcome", "500", "400 ValidationError"),
            D("CreateOpenIDConnectProvider Url=http://plain.example *", "outcome", "200", "400 ValidationError"),
            D("CreateOpenIDConnectProvider Url=https://short.example *", "outcome", "200", "400 ValidationError"),
            D("Tag*=v Tags.member.1.Value=a%2Ab", "outcome", "200", "400 ValidationError"),
            D("PutRolePermissionsBoundary *=nonsense", "outcome", "400 InvalidParameterValue", "400 ValidationError"),
            D("PutRolePermissionsBoundary RoleName=plain", "outcome", "200", "400 ValidationError"),
            D("AssumeRole *RoleSessionName=x", "outcome", "200", "400 ValidationError"),
            D("AssumeRole *RoleSessionName=no+good", "outcome", "200", "400 ValidationError"),
            D("AssumeRole *DurationSeconds=899", "outcome", "200", "400 ValidationError"),
            D("AssumeRole *DurationSeconds=43201", "outcome", "200", "400 ValidationError"),
            D("AssumeRole RoleArn=nonsense *", "outcome", "200", "400 ValidationError"),
            D("AssumeRole *role/open", "outcome", "500", "400 ValidationError"),
        ],
    },
    Reason {
        why: "tags with the prefix aws: are Amazon's own (guide, \"Tags for IAM resources\")",
        differences: &[D("Tag*=aws:mine Tags.member.1.Value=x", "outcome", "200", "400 InvalidInput")],
    },
    Reason {
        why: "documents are checked when a role is made too, a trust needs principals and a policy has none \
              (guide, \"Grammar of the IAM JSON policy language\")",
        differences: &[
            D("UpdateAssumeRolePolicy *=@principalless", "outcome", "200", "400 MalformedPolicyDocument"),
            D("CreateRole RoleName=broken *", "outcome", "200", "400 MalformedPolicyDocument"),
            D("CreateRole RoleName=resource *", "outcome", "200", "400 MalformedPolicyDocument"),
            D("CreatePolicy PolicyName=p4 *", "outcome", "200", "400 MalformedPolicyDocument"),
            D("PutRolePolicy RoleName=lenient PolicyName=extra *", "outcome", "200", "400 MalformedPolicyDocument"),
        ],
    },
    Reason {
        why: "quotas hold (guide, \"IAM and AWS STS quotas\")",
        differences: &[
            D("TagRole RoleName=tagged Tags.member.1.Key=one-more *", "outcome", "200", "409 LimitExceeded"),
            D("AttachRolePolicy *policy/policy-11", "outcome", "200", "409 LimitExceeded"),
            D("CreateRole RoleName=longer *", "outcome", "200", "409 LimitExceeded"),
            D("UpdateAssumeRolePolicy *=@longer-trust", "outcome", "200", "409 LimitExceeded"),
            D("CreatePolicy PolicyName=longer *", "outcome", "200", "409 LimitExceeded"),
            D("CreatePolicyVersion *=@longer-policy", "outcome", "200", "409 LimitExceeded"),
            D("PutRolePolicy *=@longer-inline", "outcome", "200", "409 LimitExceeded"),
        ],
    },
    Reason {
        why: "lists come in pages of 1 to 1,000 (API, MaxItems), from a marker that was given; moto pages some, by \
              number, and has one page too many where the last is full",
        differences: &[
            D("List* MaxItems=0", "outcome", "200", "400 ValidationError"),
            D("List* MaxItems=1001", "outcome", "200", "400 ValidationError"),
            D("List* Marker=nonsense", "outcome", "500", "400 ValidationError"),
            D("ListRolePolicies * Marker=nonsense", "outcome", "200", "400 ValidationError"),
            D("ListPolicyVersions * Marker=nonsense", "outcome", "200", "400 ValidationError"),
            D("ListRolePolicies *", "pages", "1", "3"),
            D("ListPolicyVersions *", "pages", "1", "3"),
            D("ListEntitiesForPolicy *", "pages", "1", "3"),
            D("ListEntitiesForPolicy * MaxItems=2", "PolicyRoles[*", "-", "*"),
            D("ListPolicies * MaxItems=5", "IsTruncated", "true", "false"),
            D("ListPolicies * MaxItems=5", "Marker", "(opaque)", "-"),
            D("ListAttachedRolePolicies * MaxItems=5", "IsTruncated", "true", "false"),
            D("ListAttachedRolePolicies * MaxItems=5", "Marker", "(opaque)", "-"),
        ],
    },
    Reason {
        why: "each list says whether it is cut (API)",
        differences: &[
            D("ListPolicyVersions *", "IsTruncated", "-", "false"),
            D("ListInstanceProfilesForRole *", "IsTruncated", "-", "false"),
        ],
    },
    Reason {
        why: "PolicyUsageFilter chooses between policies and boundaries (API, ListEntitiesForPolicy); moto ignores it",
        differences: &[
            D("ListEntitiesForPolicy *=PermissionsBoundary", "PolicyRoles", "", "-"),
            D("ListEntitiesForPolicy *=PermissionsBoundary", "PolicyRoles[plain]*", "-", "*"),
        ],
    },
    Reason {
        why: "AssumeRole is for those whom the trust lets in, for no longer than the role allows, and does not tell \
              whether there is such a role (API); moto gives credentials of any role to anyone",
        differences: &[
            D("AssumeRole *role/nobody RoleSessionName=tried", "outcome", "200", "403 AccessDenied"),
            D("AssumeRole *role/closed RoleSessionName=tried", "outcome", "200", "403 AccessDenied"),
            D("AssumeRole *DurationSeconds=7200", "outcome", "200", "400 ValidationError"),
            D("AssumeRoleWithWebIdentity *", "outcome", "200", "400 InvalidIdentityToken"),
        ],
    },
    Reason {
        why: "a session without a policy of its own has no packed size (API, AssumeRole)",
        differences: &[D("AssumeRole *", "PackedPolicySize", "6", "-")],
    },
    Reason {
        why: "each has a caller of its own, and an IAM user's ARN is one of IAM's (guide, \"IAM identifiers\")",
        differences: &[
            D("GetCallerIdentity", "Arn", "arn:aws:sts::*:user/moto", "arn:aws:iam::*:user/sandbox"),
            D("GetCallerIdentity", "UserId", "AKIA*", "AIDA*"),
        ],
    },
    Reason {
        why: "the versions of all policies are in use (API, GetAccountSummary); moto counts none",
        differences: &[D("GetAccountSummary", "SummaryMap[PolicyVersionsInUse]/value", "0", "2")],
    },
    Reason {
        why: "GetAccountSummary's reference has this key",
        differences: &[D("GetAccountSummary", "SummaryMap[AccountPasswordPresent]*", "-", "*")],
    },
    Reason {
        why: "moto does not have the action",
        differences: &[
            D("AddClientIDToOpenIDConnectProvider *", "outcome", "500", "200"),
            D("RemoveClientIDFromOpenIDConnectProvider *", "outcome", "500", "200"),
            D("SimulatePrincipalPolicy *", "outcome", "500", "200"),
            D("SimulateCustomPolicy *", "outcome", "500", "200"),
            D("NoSuchAction", "outcome", "500", "400 InvalidAction"),
        ],
    },
];

impl Difference {
    pub(super) fn covers(&self, call: &Call, found: &Disagreement) -> bool {
        let Difference(line, at, moto, sandbox) = self;
        let value = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
        let called = call.line.strip_prefix("pages ").unwrap_or(&call.line);
        fits(line, called)
            && fits(at, &found.at)
            && fits(moto, &value(&found.moto))
            && fits(sandbox, &value(&found.sandbox))
    }
}

/// Whether a text is as a pattern with at most one `*` has it.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        Some((begin, end)) => text.len() >= begin.len() + end.len() && text.starts_with(begin) && text.ends_with(end),
        None => pattern == text,
    }
}
