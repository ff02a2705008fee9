package dev.understudy.modelkit;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import dev.understudy.modelkit.data.Table;
import java.nio.FloatBuffer;
import java.util.Map;

/** A model under real ONNX Runtime. */
public final class Ort implements AutoCloseable {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;

  public Ort(byte[] model) throws OrtException {
    try (var options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
      session = environment.createSession(model, options);
    }
  }

  public OrtSession session() {
    return session;
  }

  /** Runs a model of one float input and one float output. */
  public float[][] run(String input, float[]... rows) throws OrtException {
    int width = rows[0].length;
    var buffer = FloatBuffer.allocate(rows.length * width);
    for (float[] row : rows) {
      buffer.put(row);
    }
    long[] shape = {rows.length, width};
    try (var tensor = OnnxTensor.createTensor(environment, buffer.flip(), shape);
        var result = session.run(Map.of(input, tensor))) {
      return (float[][]) result.get(0).getValue();
    }
  }

  /** Column 1 of the probabilities of all rows. */
  public float[] probabilities(Table table) throws OrtException {
    float[][] rows = new float[table.rows()][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = table.row(i);
    }
    float[][] answers = run("features", rows);
    float[] p = new float[rows.length];
    for (int i = 0; i < p.length; i++) {
      p[i] = answers[i][1];
    }
    return p;
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }
}
