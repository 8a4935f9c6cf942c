"""For each rule the changes that must make it speak: an object of support-assistant in production, a place in it, and
the wrong value.
"""

import copy

GONE = object()
"""Takes the place away."""
CHAT, EMBED = "Deployment/support-assistant-chat", "Deployment/support-assistant-embed"
JOB, STORE = "Job/support-assistant-embed-build-*", "StatefulSet/support-assistant-qdrant"
ROLLOUT, ROUTE = "Rollout/support-assistant-chat", "HTTPRoute/support-assistant-chat"
SCALER, BUDGET = "HorizontalPodAutoscaler/support-assistant-chat", "PodDisruptionBudget/support-assistant-chat"
ANALYSIS, MONITOR = "AnalysisTemplate/support-assistant-chat", "PodMonitor/support-assistant-chat"
POLICY = "NetworkPolicy/support-assistant-chat"
STABLE, CLAIM = "Service/support-assistant-chat-stable", "PersistentVolumeClaim/support-assistant-models"
OPTIONS, ACCOUNT = "ConfigMap/support-assistant-chat-serve-*", "ServiceAccount/support-assistant-chat"
POD = "/spec/template/spec"
BOX, INIT = f"{POD}/containers/0", f"{POD}/initContainers/0"
GPU, NAME = "nvidia.com~1gpu", "app.kubernetes.io~1name"
CANARY, METRIC = "/spec/strategy/canary", "/spec/metrics/0"
TYPO = "a-name-that-nothing-has"

MUTATIONS = (
    ("gpus_are_whole_and_equal", CHAT, f"{BOX}/resources/limits/{GPU}", "1"),
    ("gpus_are_whole_and_equal", CHAT, f"{BOX}/resources/limits/{GPU}", GONE),
    ("gpus_match_parallelism", OPTIONS, "/data/serve.yaml", "tensor-parallel-size: 4"),
    ("gpus_are_tolerated_and_only_by_their_users", CHAT, f"{POD}/tolerations", GONE),
    ("gpus_are_tolerated_and_only_by_their_users", STORE, f"{POD}/tolerations", [{"key": "nvidia.com/gpu"}]),
    ("gpus_are_placed_by_a_label_that_exists", CHAT, f"{POD}/affinity", GONE),
    ("gpus_are_placed_by_a_label_that_exists", CHAT, f"{POD}/nodeSelector", {"nvidia.com/gpu": "true"}),
    ("no_second_way_to_a_gpu", CHAT, f"{POD}/resourceClaims", []),
    ("no_runtime_class", CHAT, f"{POD}/runtimeClassName", "nvidia"),
    ("engines_are_built_where_they_are_served", EMBED, f"{POD}/affinity", GONE),
    ("engines_are_built_where_they_are_served", EMBED, f"{INIT}/args", ["/models/engine/.complete"]),
    ("init_containers_want_no_gpu", CHAT, f"{INIT}/resources/limits/{GPU}", "1"),
    ("shared_memory", CHAT, f"{POD}/volumes/2/emptyDir/medium", GONE),
    ("shared_memory", CHAT, f"{POD}/volumes/2/emptyDir/sizeLimit", GONE),
    ("shared_memory", CHAT, f"{POD}/volumes/2/emptyDir/sizeLimit", "78Gi"),
    ("disk_is_asked_for", CHAT, f"{BOX}/resources/requests/ephemeral-storage", GONE),
    ("disk_is_asked_for", CHAT, f"{POD}/volumes/1/emptyDir/sizeLimit", GONE),
    ("a_shared_claim_can_be_shared", CLAIM, "/spec/accessModes", ["ReadWriteOnce"]),
    ("a_shared_claim_can_be_shared", CLAIM, "/metadata/name", TYPO),
    ("images_are_pinned", CHAT, f"{BOX}/image", "vllm/vllm-openai:latest"),
    ("images_are_pinned", CHAT, f"{BOX}/imagePullPolicy", "Always"),
    ("what_is_written_is_writable", CHAT, f"{BOX}/env/1/value", "/root"),
    ("servers_of_fetched_weights_are_offline", CHAT, f"{BOX}/env/0", GONE),
    ("servers_have_time_to_start", CHAT, f"{BOX}/startupProbe", GONE),
    ("servers_have_time_to_start", CHAT, f"{BOX}/startupProbe/failureThreshold", 3),
    ("controllers_wait_for_the_start", ROLLOUT, "/spec/progressDeadlineSeconds", 600),
    ("controllers_wait_for_the_start", EMBED, "/spec/progressDeadlineSeconds", 3600),
    ("liveness_is_cheap_and_patient", CHAT, f"{BOX}/livenessProbe/httpGet/path", "/v1/completions"),
    ("liveness_is_cheap_and_patient", CHAT, f"{BOX}/livenessProbe/timeoutSeconds", GONE),
    ("liveness_is_cheap_and_patient", CHAT, f"{BOX}/livenessProbe/httpGet/host", "127.0.0.1"),
    ("there_is_time_to_stop", CHAT, f"{POD}/terminationGracePeriodSeconds", 60),
    ("there_is_time_to_stop", CHAT, f"{BOX}/lifecycle", GONE),
    ("there_is_time_to_stop", OPTIONS, "/data/serve.yaml", "port: 8000"),
    ("there_is_time_to_stop", EMBED, f"{BOX}/args/4", GONE),
    ("long_answers_are_not_cut", ROUTE, "/spec/rules/0/timeouts", GONE),
    ("a_rollout_can_move_and_leaves_somebody", EMBED, "/spec/strategy/rollingUpdate/maxSurge", 0),
    ("no_service_links", CHAT, f"{POD}/enableServiceLinks", GONE),
    ("nothing_needs_a_shell", CHAT, f"{BOX}/lifecycle/preStop", {"exec": {"command": ["sleep", "15"]}}),
    ("nothing_needs_a_shell", CHAT, f"{BOX}/command/0", "/bin/sh"),
    ("no_variables_that_nobody_fills", CHAT, f"{BOX}/args/0", "${MODEL}"),
    ("selectors_select_their_own_and_hold_no_version", CHAT, f"/spec/template/metadata/labels/{NAME}", "x"),
    ("selectors_select_their_own_and_hold_no_version", CHAT, "/spec/selector/matchLabels/version", "1"),
    ("ports_exist", STABLE, "/spec/ports/0/targetPort", "grpc"),
    ("ports_exist", STABLE, f"/spec/selector/{NAME}", TYPO),
    ("ports_exist", MONITOR, "/spec/podMetricsEndpoints/0/port", "8000"),
    ("ports_exist", CHAT, f"{BOX}/livenessProbe/httpGet/port", "health"),
    ("replicas_have_one_owner", ROLLOUT, "/spec/replicas", 4),
    ("replicas_have_one_owner", CHAT, "/spec/replicas", 4),
    ("replicas_have_one_owner", SCALER, "/spec/scaleTargetRef/kind", "Deployment"),
    ("replicas_have_one_owner", SCALER, "/spec/scaleTargetRef/name", TYPO),
    ("no_secret_in_the_open", CHAT, f"{INIT}/env/1", {"name": "HF_TOKEN", "value": "x"}),
    ("no_secret_in_the_open", OPTIONS, "/data/serve.yaml", "api-key: sk-0123456789abcdefghij"),
    ("policies_let_through_what_is_needed", POLICY, "/spec/egress/0", GONE),
    ("policies_let_through_what_is_needed", POLICY, "/spec/egress/0/ports/0/protocol", "TCP"),
    ("policies_let_through_what_is_needed", POLICY, "/spec/ingress", []),
    ("policies_let_through_what_is_needed", POLICY, "/spec/ingress/0/ports/0/port", 80),
    ("policies_let_through_what_is_needed", ROUTE, "/spec/parentRefs/0/namespace", "elsewhere"),
    ("budgets_let_nodes_be_drained", BUDGET, "/spec/minAvailable", 4),
    ("budgets_let_nodes_be_drained", BUDGET, "/spec/maxUnavailable", 0),
    ("budgets_let_nodes_be_drained", BUDGET, f"/spec/selector/matchLabels/{NAME}", TYPO),
    ("spreading_never_stops_a_pod", CHAT, f"{POD}/topologySpreadConstraints/0/whenUnsatisfiable", "DoNotSchedule"),
    ("spreading_never_stops_a_pod", CHAT, f"{POD}/affinity/podAntiAffinity", {}),
    ("pods_are_restricted", CHAT, f"{POD}/securityContext/seccompProfile", GONE),
    ("pods_are_restricted", CHAT, f"{POD}/securityContext/runAsUser", 0),
    ("pods_are_restricted", CHAT, f"{POD}/hostNetwork", True),
    ("pods_are_restricted", CHAT, f"{POD}/volumes/0", {"name": "models", "hostPath": {"path": "/"}}),
    ("pods_are_restricted", CHAT, f"{INIT}/securityContext/capabilities", GONE),
    ("pods_are_restricted", JOB, f"{BOX}/securityContext/readOnlyRootFilesystem", GONE),
    ("no_rights_and_no_foreign_code", CHAT, f"{POD}/automountServiceAccountToken", GONE),
    ("no_rights_and_no_foreign_code", ACCOUNT, "/automountServiceAccountToken", True),
    ("no_rights_and_no_foreign_code", OPTIONS, "/data/serve.yaml", "trust-remote-code: true"),
    ("a_canary_has_two_services_and_a_route", ROLLOUT, f"{CANARY}/canaryService", "support-assistant-chat-stable"),
    ("a_canary_has_two_services_and_a_route", ROUTE, "/spec/rules/0/backendRefs/1", GONE),
    ("a_canary_has_two_services_and_a_route", STABLE, "/metadata/name", TYPO),
    ("a_canary_has_two_services_and_a_route", ROLLOUT, f"{CANARY}/dynamicStableScale", True),
    ("a_canary_has_two_services_and_a_route", ROLLOUT, f"{CANARY}/steps/2/setWeight", 5),
    ("an_analysis_judges_the_canary_and_nothing_else", ANALYSIS, f"{METRIC}/successCondition", "result[0] <= 0.02"),
    ("an_analysis_judges_the_canary_and_nothing_else", ANALYSIS, f"{METRIC}/failureCondition", "len(result) > 0"),
    ("an_analysis_judges_the_canary_and_nothing_else", ANALYSIS, f"{METRIC}/initialDelay", GONE),
    ("an_analysis_judges_the_canary_and_nothing_else", ANALYSIS, "/spec/args/0", GONE),
    ("an_analysis_judges_the_canary_and_nothing_else", ANALYSIS, f"{METRIC}/provider/prometheus/query", "up[5m]"),
    ("an_analysis_is_given_what_it_wants", ROLLOUT, f"{CANARY}/analysis/args/0", GONE),
    ("an_analysis_is_given_what_it_wants", ROLLOUT, f"{CANARY}/analysis/templates/0/templateName", TYPO),
    ("an_analysis_is_given_what_it_wants", MONITOR, "/spec/podTargetLabels", GONE),
    ("routes_keep_to_the_standard_channel", ROUTE, "/spec/rules/0/retry", {"attempts": 2}),
    ("queries_use_names_that_exist", ANALYSIS, f"{METRIC}/provider/prometheus/query", "vllm:gpu_cache_usage_perc"),
    ("queries_use_names_that_exist", ANALYSIS, f"{METRIC}/provider/prometheus/query", "histogram_quantile(0.9, x)"),
    ("queries_use_names_that_exist", SCALER, "/spec/metrics/0/pods/metric/name", "vllm:num_requests_waiting"),
    ("jobs_end", JOB, "/spec/ttlSecondsAfterFinished", GONE),
    ("jobs_end", JOB, "/spec/activeDeadlineSeconds", GONE),
    ("jobs_end", JOB, "/spec/backoffLimit", GONE),
    ("jobs_end", JOB, "/spec/podFailurePolicy", GONE),
    ("jobs_end", JOB, "/spec/podReplacementPolicy", GONE),
    ("jobs_end", JOB, f"{POD}/restartPolicy", "OnFailure"),
    ("jobs_end", JOB, "/metadata/name", "support-assistant-embed-build"),
    ("names_and_labels_are_legal", CHAT, "/metadata/name", "a" * 64),
    ("names_and_labels_are_legal", CHAT, "/metadata/labels/model", "Qwen/Qwen3-32B"),
    ("names_and_labels_are_legal", CHAT, f"{POD}/volumes/0/name", "a" * 64),
    ("text_is_text", CHAT, f"{BOX}/env/0/value", 1),
    ("text_is_text", CHAT, "/metadata/labels/tier", 1),
    ("text_is_text", CHAT, "/metadata/annotations/reviewed", True),
    ("everything_is_in_one_namespace", CHAT, "/metadata/namespace", "default"),
    ("everything_is_in_one_namespace", CHAT, "/metadata/namespace", GONE),
    ("configuration_is_named_by_its_content", OPTIONS, "/data/serve.yaml", "port: 8001"),
    ("configuration_is_named_by_its_content", OPTIONS, "/immutable", GONE),
    ("configuration_is_named_by_its_content", CHAT, f"{POD}/volumes/3/configMap/name", TYPO),
)  # fmt: skip


def mutated(objects, target, pointer, value):
    """The objects with one place of one of them changed; a place that must be there to be taken away is there."""
    changed = copy.deepcopy(list(objects))
    inner = next(each for each in changed if matches(target, each))
    *steps, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
    for step in steps:
        inner = inner[int(step)] if isinstance(inner, list) else inner.setdefault(step, {})
    last = int(last) if isinstance(inner, list) else last
    if value is GONE:
        del inner[last]
    else:
        inner[last] = value
    return changed


def matches(target, each):
    kind, _, name = target.partition("/")
    found = each["metadata"]["name"]
    return each["kind"] == kind and (found.startswith(name[:-1]) if name.endswith("*") else found == name)
