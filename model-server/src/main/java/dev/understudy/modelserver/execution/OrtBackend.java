package dev.understudy.modelserver.execution;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** ONNX Runtime on CPU, through its Java interface. */
public final class OrtBackend implements InferenceBackend {
  private final OrtEnvironment environment;

  /** Loads the native library if that has not happened yet. */
  public OrtBackend() {
    this.environment = OrtSetup.environment();
  }

  @Override
  public LoadedModel load(Path file, ExecutionOptions options) throws ModelLoadException {
    OrtSession session;
    try (var settings = new OrtSession.SessionOptions()) {
      settings.setIntraOpNumThreads(options.intraOpThreads());
      settings.setInterOpNumThreads(options.interOpThreads());
      settings.setExecutionMode(
          options.interOpThreads() == 1
              ? OrtSession.SessionOptions.ExecutionMode.SEQUENTIAL
              : OrtSession.SessionOptions.ExecutionMode.PARALLEL);
      // Spinning threads take the core from the instance beside them.
      settings.addConfigEntry("session.intra_op.allow_spinning", "0");
      settings.addConfigEntry("session.inter_op.allow_spinning", "0");
      // Failures are reported to whoever asked, so the engine need not print them.
      settings.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
      session = environment.createSession(file.toString(), settings);
    } catch (OrtException e) {
      throw new ModelLoadException(
          "ONNX Runtime " + environment.getVersion() + " cannot load it: " + OrtErrors.text(e), e);
    }
    try {
      return new OrtModel(
          environment,
          session,
          tensors("input", session.getInputInfo().values()),
          tensors("output", session.getOutputInfo().values()));
    } catch (OrtException e) {
      close(session);
      throw new ModelLoadException("cannot read its signature: " + OrtErrors.text(e), e);
    } catch (ModelLoadException e) {
      close(session);
      throw e;
    }
  }

  private static List<ModelTensor> tensors(String kind, Collection<NodeInfo> nodes)
      throws ModelLoadException {
    List<ModelTensor> tensors = new ArrayList<>();
    for (NodeInfo node : nodes) {
      tensors.add(OrtTypes.tensor(kind, node));
    }
    return tensors;
  }

  static void close(OrtSession session) {
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException("ONNX Runtime could not release a model", e);
    }
  }

  private record OrtModel(
      OrtEnvironment environment,
      OrtSession session,
      List<ModelTensor> inputs,
      List<ModelTensor> outputs)
      implements LoadedModel {
    @Override
    public ExecutionLane newLane(boolean batching) {
      return new OrtLane(environment, session, inputs, outputs, batching);
    }

    @Override
    public void close() {
      OrtBackend.close(session);
    }
  }
}
