package dev.spikewise.model;

import java.util.List;
import java.util.UUID;
import org.springframework.data.domain.Limit;
import org.springframework.data.jpa.repository.JpaRepository;

interface ModelRepository extends JpaRepository<ModelRow, UUID> {

  List<ModelRow> findByNumberLessThanOrderByNumberDesc(long number, Limit limit);
}
