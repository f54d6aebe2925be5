package dev.spikewise.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/** The option --dataset: files with the samples of a job. */
final class DatasetOption {

  private static final Pattern PART =
      Pattern.compile("(file|events|images|labels|test_images|test_labels)=(.+)");

  @Option(
      names = "--dataset",
      paramLabel = "FILE",
      description =
          "Data set to train on: .npz, .h5 or CIFAR batch, .zip of event recordings, or images=FILE"
              + " and labels=FILE (IDX); repeatable.")
  private List<String> given = List.of();

  /** Files by the name of their upload part; empty without the option. */
  Map<String, Path> files() {
    var files = new LinkedHashMap<String, Path>();
    for (var text : given) {
      var part = PART.matcher(text);
      if (part.matches()) {
        files.put(part.group(1), Path.of(part.group(2)));
      } else {
        boolean zip = text.toLowerCase(Locale.ROOT).endsWith(".zip");
        files.put(zip ? "events" : "file", Path.of(text));
      }
    }
    return files;
  }

  /** Uploads the files and sets the data set as the input of {@code body}. */
  void upload(ObjectNode body, Client client) {
    var files = files();
    if (!files.isEmpty()) {
      var name = files.values().iterator().next().getFileName().toString();
      input(body, client.upload(name, files).path("id").asString(""));
    }
  }

  /** Sets the files as the input of {@code body}, for a process that reads them itself. */
  void setAsInput(ObjectNode body) {
    if (!given.isEmpty()) {
      input(body, "--dataset");
    }
  }

  private static void input(ObjectNode body, String id) {
    var input = body.withObjectProperty("input");
    input.put("type", "dataset");
    input.put("id", id);
  }
}
