package dev.understudy.evidence.simulation;

import java.util.LinkedHashMap;
import java.util.Map;

/** The pictures of docs/statistics.md, drawn from simulated rollouts. */
public final class Pictures {
  /** The seed of the published pictures. */
  static final long SEED = 8;

  private Pictures() {}

  /** File names and contents; the same on any machine. */
  public static Map<String, String> all() {
    Map<String, String> files = new LinkedHashMap<>();
    files.put("looking-often.svg", EvidencePictures.lookingOften());
    files.put("evidence-grows.svg", EvidencePictures.evidenceGrows());
    files.put("traffic-needed.svg", MethodPictures.trafficNeeded());
    files.put("latency-blocks.svg", MethodPictures.latencyBlocks());
    files.put("noise-floor.svg", MethodPictures.noiseFloor());
    files.put("shared-trouble.svg", EvidencePictures.sharedTrouble());
    return files;
  }
}
