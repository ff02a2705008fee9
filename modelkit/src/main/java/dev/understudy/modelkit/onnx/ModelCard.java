package dev.understudy.modelkit.onnx;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What a model says about itself, carried in its ONNX metadata.
 *
 * @param name what clients call the model
 * @param version version of the model, from 1
 * @param algorithm how it came about, in a few words
 * @param trainedOn what it was trained on, in a few words
 * @param seed seed of data and training
 * @param auc area under the ROC curve on rows it was not trained on
 * @param brier mean squared error of its probabilities on the same rows
 */
public record ModelCard(
    String name,
    int version,
    String algorithm,
    String trainedOn,
    long seed,
    double auc,
    double brier) {

  /** The card as ONNX metadata properties. */
  public Map<String, String> metadata() {
    var metadata = new LinkedHashMap<String, String>();
    metadata.put("name", name);
    metadata.put("version", Integer.toString(version));
    metadata.put("algorithm", algorithm);
    metadata.put("trained_on", trainedOn);
    metadata.put("seed", Long.toString(seed));
    metadata.put("auc", String.format(Locale.ROOT, "%.4f", auc));
    metadata.put("brier", String.format(Locale.ROOT, "%.5f", brier));
    return metadata;
  }
}
