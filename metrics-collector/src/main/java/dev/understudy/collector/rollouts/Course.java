package dev.understudy.collector.rollouts;

import dev.understudy.proto.v1.EvidenceReport;
import java.util.ArrayList;
import java.util.List;

/**
 * How the evidence of one rollout went, in at most 600 points: when they are all used every second
 * one is given up and from then on half as many are taken. Not safe for use by several threads.
 */
final class Course {
  private static final int MAX_POINTS = 600;
  private static final long FIRST_STEP_MILLIS = 500;

  private final List<EvidencePoint> points = new ArrayList<>();
  private long stepMs = FIRST_STEP_MILLIS;

  void add(EvidenceReport report, long nowMs) {
    if (!points.isEmpty() && nowMs - points.getLast().unixMs() < stepMs) {
      return;
    }
    points.add(
        new EvidencePoint(
            nowMs,
            report.getMeanDivergence(),
            report.getMeanNoise(),
            report.getLogAgainst(),
            report.getLogAgainstStop(),
            report.getPairs()));
    if (points.size() > MAX_POINTS) {
      List<EvidencePoint> kept = new ArrayList<>();
      for (int i = 0; i < points.size(); i += 2) {
        kept.add(points.get(i));
      }
      points.clear();
      points.addAll(kept);
      stepMs *= 2;
    }
  }

  List<EvidencePoint> points() {
    return List.copyOf(points);
  }
}
