package dev.understudy.rollout.policy;

import dev.understudy.proto.v1.EvidenceReport;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the evidence.
 *
 * @param report the newest report of this rollout; null before the first
 * @param heardMillis wall clock when the judge was last heard
 */
public record Observed(@Nullable EvidenceReport report, long heardMillis) {}
