package dev.understudy.launcher.cli;

import dev.understudy.chassis.security.ApiKeys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code understudy keys PRINCIPAL}: a new API key; the file keeps only its HMAC. */
@Command(
    name = "keys",
    description =
        "Make an API key for a principal: the key is printed once, its HMAC goes into the keys"
            + " file.")
final class KeysCommand implements Callable<Integer> {

  private static final int KEY_BYTES = 24;

  @Spec CommandSpec spec;

  @Parameters(paramLabel = "PRINCIPAL", description = "Who will call with it.")
  String principal;

  @Option(
      names = "--file",
      required = true,
      paramLabel = "FILE",
      description = "The router's keys file; made if it is not there.")
  Path file;

  @Option(
      names = "--secret-file",
      required = true,
      paramLabel = "FILE",
      description = "The secret of the HMAC; made if it is not there.")
  Path secretFile;

  @Override
  public Integer call() throws Exception {
    SecureRandom random = new SecureRandom();
    if (!Files.exists(secretFile)) {
      make(secretFile);
      Files.writeString(secretFile, random(random) + "\n", StandardOpenOption.APPEND);
    }
    String secret = Files.readString(secretFile).strip();
    String key = "us_" + random(random);
    String entry = ApiKeys.entry(principal, key, secret);
    if (!Files.exists(file)) {
      make(file);
    }
    Files.writeString(file, entry + "\n", StandardOpenOption.APPEND);
    spec.commandLine().getOut().println(key);
    return 0;
  }

  /** Makes a file that its owner alone can read, where the system knows of owners. */
  private static void make(Path file) throws IOException {
    boolean posix = file.getFileSystem().supportedFileAttributeViews().contains("posix");
    Files.createFile(
        file,
        posix
            ? new FileAttribute<?>[] {
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
            }
            : new FileAttribute<?>[0]);
  }

  private static String random(SecureRandom random) {
    byte[] bytes = new byte[KEY_BYTES];
    random.nextBytes(bytes);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }
}
