//! The rows of the table.
use super::Row;

const fn row(words: &'static [&'static str], means: &'static str, then: &'static str) -> Row {
    Row { words, means, then }
}

/// Conditions: words, what is so while they are true, and while they are false.
pub const CONDITIONS: &[Row] = &[
    row(
        &["Ready"],
        "every component serves at least what `replicas`, `min` or `instances` asks, runs its present template, and its routes are accepted",
        "see the reason and the message",
    ),
    row(&["Reconciling"], "something is under way and needs nobody", "nothing is under way"),
    row(&["Stalled"], "it cannot go on until a person acts", "-"),
    row(
        &["SpecValid"],
        "every reference resolves",
        "the message lists all violations, each with its path and a fix; what runs is left as it is",
    ),
    row(
        &["TestsPassed", "JobsSucceeded"],
        "every test of the present revision, every job, has ended well",
        "the message has the last lines of those that failed; absent where there are none",
    ),
    row(
        &["Paused"],
        "`paused: true`: nothing is changed, drift neither; the message lists the components whose changes wait",
        "absent",
    ),
    row(
        &["RoutesAccepted"],
        "the Gateway has accepted every route",
        "which route is refused, and why; absent when nothing is exposed",
    ),
];

/// Reasons of `Ready`.
pub const REASONS: &[Row] = &[
    row(&["Available"], "all is well", "-"),
    row(&["Progressing"], "instances start, are replaced or added", "wait; the message names the first component and its cause"),
    row(&["Blocked"], "a component waits for one that has never been ready", "look at the component that it names"),
    row(
        &["Degraded"],
        "fewer instances serve than asked, a dependency is down, or a route is not accepted",
        "the message has the one root cause; consumers are not restarted and not scaled",
    ),
    row(
        &["Migrating"],
        "a migration runs, or waits for its database or for another one; its service keeps its former template",
        "wait; the message names the Job",
    ),
    row(&["Testing"], "all services serve, and a gated test has not ended yet", "wait"),
    row(
        &["MigrationFailed"],
        "a migration failed and there is nothing to go back to, or it was cut off and its database may be changed in part",
        "see [Migrations](#migrations-tests-and-jobs)",
    ),
    row(
        &["TestFailed"],
        "a gated test failed and there is nothing to go back to, or `onFailure: Hold`",
        "read the log of its Job; mend the spec, or try again",
    ),
    row(
        &["RolledBack"],
        "a revision failed, and the services that it had changed are back on the last good one",
        "the message says what failed; mend the spec, or try the same again: see [Revisions](#revisions)",
    ),
    row(
        &["RollbackFailed"],
        "a revision failed, and its services could not be put back: they need a component that the spec no longer has, or the record of the good revision is gone",
        "mend the spec",
    ),
    row(
        &["Failed"],
        "a rollout made no progress within its deadline and there is nothing to go back to, or a Secret that is referred to does not exist",
        "mend the image, the resources or the Secret; the next change or event goes on by itself",
    ),
    row(&["InvalidSpec"], "the spec contradicts itself", "mend what the message lists; nothing is changed or removed meanwhile"),
    row(&["Paused"], "the stack is paused, and not all that it says is applied", "set `paused: false`"),
    row(
        &["Hibernated"],
        "`hibernate: true`: nothing runs, the data stays",
        "set `hibernate: false`: databases wake first, then services after what they use, with the counts that they had",
    ),
    row(&["Deleting"], "the stack is being deleted, and data with it (`onDelete: Delete`)", "wait; the message says for what"),
    row(
        &["NameConflict"],
        "an object of a name that is needed belongs to somebody else",
        "delete or rename it, rename the component, or use `names: Prefixed` in a new stack; nothing is adopted",
    ),
    row(
        &["ApplyRefused"],
        "the API server refuses an object: a quota, a policy, Pod Security",
        "the message has its words; mend the policy or the spec",
    ),
    row(
        &["ApplyFailed"],
        "the API server could not be reached or was busy",
        "nothing: it is tried again, after 1 s and then ever more slowly up to 5 minutes",
    ),
    row(
        &["CredentialsMissing"],
        "a volume holds data, and the Secret with its password is gone, or was replaced by one without its labels",
        "restore the Secret from a backup; a new password would not fit the data",
    ),
    row(
        &["DataLost"],
        "the data was initialised once, and the volume of the first instance is gone or empty",
        "restore the volume; to start with empty data, delete the ConfigMap `<database>-identity`, and then the pod if there is one",
    ),
    row(&["DataMismatch"], "volume, Secret and record belong to different data", "bring back the ones that belong together"),
    row(
        &["VolumeUnreadable"],
        "the database's user may not read its volume",
        "set `security.runAsUser` and `runAsGroup` to the ones that wrote it",
    ),
    row(
        &["MembersFixed"],
        "another number of members than the cluster's data is of",
        "go back, or add a second database and move the data",
    ),
    row(
        &["VersionRefused"],
        "another major version, or an older one, than the volume holds",
        "go back, or add a second database and move the data",
    ),
];

/// Reasons of the other conditions and of Events, where they are not those of `Ready`.
pub const OTHER_REASONS: &[Row] = &[
    row(&["Settled"], "nothing is under way, so `Reconciling` is false", "-"),
    row(&["NotStalled"], "nothing has to be done by a person, so `Stalled` is false", "-"),
    row(&["Valid"], "the spec is valid (`SpecValid`)", "-"),
    row(&["Accepted"], "every route is accepted (`RoutesAccepted`)", "-"),
    row(&["NotAccepted"], "a route is refused, or not looked at yet (`RoutesAccepted`)", "the message says which route, and why"),
    row(&["Running"], "one of the tests or jobs has not ended (`TestsPassed`, `JobsSucceeded`)", "wait"),
    row(&["Succeeded"], "all tests or jobs have ended well (`TestsPassed`, `JobsSucceeded`)", "-"),
    row(
        &["Failed"],
        "a test or a job has failed (`TestsPassed`, `JobsSucceeded`)",
        "read the last lines of its log in the message; see [Migrations](#migrations-tests-and-jobs)",
    ),
    row(&["RevisionGood"], "a revision runs and is recorded as one to go back to (an Event)", "-"),
    row(&["RevisionFailed"], "a revision has failed, and the message says why (an Event)", "see [Revisions](#revisions)"),
    row(
        &["DriftCorrected"],
        "somebody changed an object of the stack, and it was put back (an Event)",
        "the message says who; change the stack instead",
    ),
];

/// Phases of a component.
pub const PHASES: &[Row] = &[
    row(&["Pending"], "it is not applied yet", "wait; where it lasts, its message has the words of the API server"),
    row(&["Blocked"], "it has never started, and waits for what `blockedBy` says", "look at that component"),
    row(&["Migrating"], "it keeps its former template until its migration has ended", "wait; its message names the Job"),
    row(&["Rolling"], "instances start, are replaced or added", "wait; its message has the cause of what starts slowly"),
    row(&["Ready"], "it serves what is asked", "-"),
    row(
        &["Degraded"],
        "it was ready, and serves less than asked or uses something that is down",
        "its message names the cause; `impact` of the cause says who else is hit",
    ),
    row(&["Failed"], "it cannot go on by itself", "do what its message says"),
    row(&["Hibernated"], "it is at 0, as `hibernate` asks", "-"),
];

/// Words that the message of a component begins with, mostly those of Kubernetes.
pub const CAUSES: &[Row] = &[
    row(
        &["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"],
        "the image cannot be had",
        "check its name and tag, and that the nodes may pull it",
    ),
    row(
        &["CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun"],
        "the container cannot be made: a Secret, a key or a command is missing, or the image wants another user",
        "the message names it",
    ),
    row(
        &["CrashLoopBackOff", "Error", "OOMKilled"],
        "the program ends",
        "its last lines are in the message; `mstack logs STACK NAME --previous` has all; after `OOMKilled` raise `resources.limits.memory`",
    ),
    row(
        &["Unschedulable"],
        "no node has room, or the node of its volume takes no pods",
        "lower `resources`, or add nodes; bring that node back; the message has the scheduler's words",
    ),
    row(
        &["PodsMissing"],
        "pods of a database are not even made",
        "a quota or the namespace's pod security, which `security: { profile: Restricted }` suits: `kubectl describe statefulset NAME`",
    ),
    row(
        &["ProgressDeadlineExceeded", "ReplicaFailure"],
        "a rollout makes no progress, or its pods are refused",
        "the message has the words of Kubernetes",
    ),
    row(
        &["DataLost", "DataMismatch", "CredentialsMissing", "VolumeUnreadable"],
        "the volume was looked at before the engine, and held back",
        "see [Data and its identity](#data-and-its-identity)",
    ),
];
