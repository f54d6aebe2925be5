package dev.spikewise.model;

import java.util.List;
import java.util.UUID;
import org.springframework.data.domain.Limit;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.data.jpa.repository.Query;

interface ModelRepository extends JpaRepository<ModelRow, UUID> {

  @Query(
      """
      select m from ModelRow m where m.number < :number and (:all = true or m.tenant = :tenant)
      order by m.number desc\
      """)
  List<ModelRow> findBefore(long number, boolean all, String tenant, Limit limit);
}
