package dev.understudy.k8s;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Renders a directory as {@code kustomize build} does, for the features that the base uses:
 * resources, namespace, labels without selectors, ConfigMaps from files with the digest in their
 * names, tags of images. Anything else is refused rather than skipped.
 */
final class Kustomization {
  private static final Set<String> KNOWN =
      Set.of(
          "apiVersion", "kind", "namespace", "resources", "labels", "configMapGenerator", "images");
  private static final Set<String> CONFIG_MAP_REFERENCES =
      Set.of("configMap", "configMapRef", "configMapKeyRef");

  private Kustomization() {}

  static List<Map<String, Object>> render(Path directory) {
    Map<String, Object> settings =
        Yaml.documents(directory.resolve("kustomization.yaml")).getFirst();
    known(settings, KNOWN);
    List<Map<String, Object>> documents = new ArrayList<>();
    for (Object resource : Yaml.list(settings.get("resources"))) {
      Path path = directory.resolve((String) resource);
      documents.addAll(Files.isDirectory(path) ? render(path) : Yaml.documents(path));
    }
    Map<String, String> newNames = new HashMap<>();
    for (Object generator : Yaml.list(settings.get("configMapGenerator"))) {
      Map<String, Object> configMap = configMap(directory, Yaml.map(generator));
      String name = (String) Yaml.map(generator).get("name");
      newNames.put(name, (String) Yaml.map(configMap.get("metadata")).get("name"));
      documents.add(configMap);
    }
    for (Map<String, Object> document : documents) {
      rename(document, newNames);
      tag(document, Yaml.list(settings.get("images")));
      label(document, Yaml.list(settings.get("labels")));
      if (settings.get("namespace") instanceof String namespace) {
        Map<String, Object> metadata = Yaml.map(document.get("metadata"));
        metadata.put("Namespace".equals(document.get("kind")) ? "name" : "namespace", namespace);
      }
    }
    return documents;
  }

  private static Map<String, Object> configMap(Path directory, Map<String, Object> generator) {
    known(generator, Set.of("name", "files"));
    Map<String, String> data = new TreeMap<>();
    for (Object file : Yaml.list(generator.get("files"))) {
      Path path = directory.resolve((String) file);
      data.put(path.getFileName().toString(), Yaml.text(path));
    }
    String name = String.valueOf(generator.get("name"));
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("name", name + "-" + digest(data));
    Map<String, Object> document = new LinkedHashMap<>();
    document.put("apiVersion", "v1");
    document.put("kind", "ConfigMap");
    document.put("metadata", metadata);
    document.put("data", data);
    return document;
  }

  /**
   * Kustomize's digest: SHA-256 of the JSON as Go writes it, without letters that form words. The
   * name in it is always empty, because kustomize looks for it under a key {@code metadata/name}.
   */
  private static String digest(Map<String, String> data) {
    try {
      String json =
          new ObjectMapper()
              .writeValueAsString(
                  new TreeMap<String, Object>(
                      Map.of("kind", "ConfigMap", "name", "", "data", data)))
              .replace("<", "\\u003c")
              .replace(">", "\\u003e")
              .replace("&", "\\u0026");
      byte[] sum =
          MessageDigest.getInstance("SHA-256").digest(json.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of()
          .formatHex(sum)
          .substring(0, 10)
          .replace('0', 'g')
          .replace('1', 'h')
          .replace('3', 'k')
          .replace('a', 'm')
          .replace('e', 't');
    } catch (JsonProcessingException | NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void rename(@Nullable Object tree, Map<String, String> newNames) {
    if (tree instanceof Map<?, ?> map) {
      map.forEach((key, value) -> {
        if (key instanceof String word && CONFIG_MAP_REFERENCES.contains(word)) {
          Yaml.map(value).computeIfPresent("name", (k, v) -> newNames.getOrDefault(v, "" + v));
        }
        rename(value, newNames);
      });
    } else if (tree instanceof List<?> list) {
      list.forEach(value -> rename(value, newNames));
    }
  }

  private static void tag(Map<String, Object> document, List<Object> images) {
    Object pod = Yaml.at(document, "spec", "template", "spec");
    for (String kind : pod == null ? List.<String>of() : List.of("containers", "initContainers")) {
      for (Object container : Yaml.list(Yaml.map(pod).get(kind))) {
        for (Object image : images) {
          Map<String, Object> change = Yaml.map(image);
          known(change, Set.of("name", "newTag"));
          if (Objects.equals(change.get("name"), Yaml.map(container).get("image"))) {
            Yaml.map(container).put("image", change.get("name") + ":" + change.get("newTag"));
          }
        }
      }
    }
  }

  private static void label(Map<String, Object> document, List<Object> labels) {
    for (Object entry : labels) {
      Map<String, Object> change = Yaml.map(entry);
      known(change, Set.of("pairs", "includeTemplates"));
      add(document, Yaml.map(change.get("pairs")));
      Object spec = document.get("spec");
      if (Boolean.TRUE.equals(change.get("includeTemplates")) && spec != null) {
        if (Yaml.at(spec, "template") instanceof Map<?, ?> template) {
          add(Yaml.map(template), Yaml.map(change.get("pairs")));
        }
        for (Object claim : Yaml.list(Yaml.map(spec).get("volumeClaimTemplates"))) {
          add(Yaml.map(claim), Yaml.map(change.get("pairs")));
        }
      }
    }
  }

  private static void add(Map<String, Object> object, Map<String, Object> pairs) {
    Map<String, Object> metadata =
        Yaml.map(object.computeIfAbsent("metadata", k -> new LinkedHashMap<String, Object>()));
    Yaml.map(metadata.computeIfAbsent("labels", k -> new LinkedHashMap<String, Object>()))
        .putAll(pairs);
  }

  private static void known(Map<String, Object> map, Set<String> keys) {
    for (String key : map.keySet()) {
      if (!keys.contains(key)) {
        throw new IllegalArgumentException("kustomization: " + key + " (expected: one of " + keys);
      }
    }
  }
}
