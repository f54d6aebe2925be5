package dev.spikewise.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.ModelSpec;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

class TreeCheckTest {

  private static final JsonMapper JSON = new JsonMapper();

  /** Each unknown name is compared with all that are known, which takes a core for minutes. */
  @Test
  void stopsAtTheLastMistakeThatIsTold() {
    var tree = JSON.createObjectNode();
    for (int i = 0; i < 1000; i++) {
      tree.put("inptu_shaep" + i, 1);
    }
    var mistakes = new Mistakes();
    new TreeCheck(JSON, 4096).fits(tree, JSON.constructType(ModelSpec.class), mistakes);
    assertThat(mistakes.list()).hasSize(100);
    // A name that was looked at is taken out.
    assertThat(tree.size()).isEqualTo(900);
  }
}
