package page

import "github.com/jackfield-host/jackfield/admin/internal/web"

func (p *Pages) actionRoutes() []web.Route { return nil }
